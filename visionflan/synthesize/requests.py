"""The request for one instance: the prompt with the rows of an image, and the image itself."""

from base64 import b64encode

from visionflan.evaluate.models.served import data_url
from visionflan.image_files import decode_image
from visionflan.llm.base import ImagePart, LlmRequest, Message
from visionflan.storage.directory import BuildDirectory
from visionflan.synthesize.contexts import ImageContext, context_text
from visionflan.synthesize.prompt_files import CONTEXT, PromptFiles

# Formats that servers take as they are; others are sent as PNG.
SENT_AS_STORED = frozenset({"jpeg", "png", "webp"})


class RequestMaker:
    """Makes the requests of contexts."""

    def __init__(
        self,
        build: BuildDirectory,
        prompts: PromptFiles,
        *,
        with_images: bool,
        temperature: float,
        max_tokens: int,
    ) -> None:
        self.build, self.prompts, self.with_images = build, prompts, with_images
        self.temperature, self.max_tokens = temperature, max_tokens
        self.titles = {task: info.title for task, info in build.tasks.items()}

    def request(self, context: ImageContext, *, with_pixels: bool = True) -> LlmRequest:
        """Return the request; without pixels it is one to estimate a cost by."""
        text = self.prompts.prompt.replace(CONTEXT, context_text(context, self.titles))
        if not self.with_images:
            return self.llm_request(Message("user", text))
        url = stored_data_url(self.build, context.image) if with_pixels else ""
        return self.llm_request(Message("user", (ImagePart(url), text)))

    def llm_request(self, message: Message) -> LlmRequest:
        """Return the request of one message."""
        return LlmRequest((message,), self.temperature, self.max_tokens)


def stored_data_url(build: BuildDirectory, image: str) -> str:
    """Return an image as a data URL: the bytes that the build has, where servers read them."""
    encoded = build.image(image)
    _, _, image_format = build.image_header(image)
    if image_format in SENT_AS_STORED:
        return f"data:image/{image_format};base64,{b64encode(encoded).decode('ascii')}"
    return data_url(decode_image(encoded))
