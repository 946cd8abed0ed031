"""The benchmarks of the paper, with facts that tests check for these only."""

OF_THE_PAPER = {
    "cifar10",
    "cifar100",
    "llava_bench",
    "miniimagenet",
    "mm_vet",
    "mmbench",
    "mme",
    "mmmu",
    "mnist",
    "pope",
}
# Only a judge can score these.
JUDGED = {"llava_bench", "mm_vet"}
