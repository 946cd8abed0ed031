const form = document.querySelector(".browse");
if (form) {
  const cards = [...document.querySelectorAll(".flip")].map(
    card => [card, card.textContent.toLowerCase()]);
  const narrow = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [card, text] of cards) {
      card.hidden = Boolean(form.elements.kind.value && card.dataset.kind !== form.elements.kind.value)
        || Boolean(form.elements.task.value && card.dataset.task !== form.elements.task.value)
        || !words.every(word => text.includes(word));
      shown += !card.hidden;
    }
    document.getElementById("found").value = `${shown} of ${cards.length} shown here`;
    document.getElementById("none").hidden = shown > 0;
  };
  form.hidden = false;
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("input", narrow);
  narrow();
}
