const filters = document.querySelector(".filters");
if (filters) {
  const { kind, task, search } = filters.elements;
  const cards = [...document.querySelectorAll(".flip")].map(
    card => [card, card.textContent.toLowerCase()]);
  const update = () => {
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [card, text] of cards) {
      const matches = (!kind.value || card.dataset.kind === kind.value)
        && (!task.value || card.dataset.task === task.value)
        && terms.every(term => text.includes(term));
      card.hidden = !matches;
      count += matches;
    }
    document.getElementById("match-count").value = `${count} of ${cards.length} on this page`;
    document.getElementById("no-match").hidden = count > 0;
  };
  filters.hidden = false;
  filters.addEventListener("submit", event => event.preventDefault());
  filters.addEventListener("input", update);
  update();
}
