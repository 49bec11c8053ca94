// A card that is worked by keyboard with the focus in one place: Space or Enter shows the answer, 1 or n
// says "did not know", 2 or y "knew". What appears is announced, for both regions are there before.
function render({ model, el }) {
  const card = element("section", { className: "lab-card-face", tabIndex: -1 });
  card.setAttribute("aria-label", "flash card");
  const asked = element("div", { className: "lab-card-asked" });
  const answer = element("div", { className: "lab-card-answer" });
  for (const region of [asked, answer]) region.setAttribute("aria-live", "polite");
  const button = (words, press) => {
    const made = element("button", { type: "button", textContent: words });
    made.addEventListener("click", press);
    return made;
  };
  const turn = () => {
    model.set("shown", true);
    model.save_changes();
  };
  const grade = (knew) => {
    if ([no, yes].includes(document.activeElement)) show.focus(); // or it would be lost
    for (const choice of [no, yes]) choice.disabled = true; // until the next card has come
    model.send({ knew });
  };
  const show = button("Show the answer", turn);
  const no = button("1 Did not know", () => grade(false));
  const yes = button("2 Knew it", () => grade(true));
  const buttons = element("div", { className: "lab-card-buttons" });
  buttons.append(show, no, yes);
  card.append(asked, answer, buttons);
  el.append(card);

  const ask = () => {
    const options = element("ul");
    options.append(...model.get("options").map((text) => element("li", { textContent: text })));
    const from = element("p", { className: "lab-card-from", textContent: model.get("notebook") });
    const question = element("p", { className: "lab-card-question", textContent: model.get("question") });
    asked.replaceChildren(from, question, ...(options.children.length ? [options] : []));
  };
  const reveal = () => {
    const shown = model.get("shown");
    answer.innerHTML = shown ? model.get("answer") : "";
    show.setAttribute("aria-disabled", shown);
    for (const choice of [no, yes]) choice.disabled = !shown;
    card.hidden = !model.get("question");
  };
  const keys = { 1: no, n: no, 2: yes, y: yes };
  card.addEventListener("keydown", (event) => {
    if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
    const turns = event.target === card && (event.key === " " || event.key === "Enter");
    const pressed = turns ? show : keys[event.key.toLowerCase()];
    if (!pressed) return;
    event.preventDefault();
    pressed.click(); // does nothing if it is disabled
  });
  ask();
  reveal();
  const words = "change:notebook change:question change:options";
  const state = "change:answer change:shown change:question";
  model.on(words, ask);
  model.on(state, reveal);
  const release = keepOwnKeys(el);
  return () => {
    model.off(words, ask);
    model.off(state, reveal);
    release();
  };
}

export default { render };
