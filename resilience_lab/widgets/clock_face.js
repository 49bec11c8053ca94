// The page counts down by itself, so the clock goes on while the kernel runs the learner's code. When
// it begins to run, the page notes by its own clock when it will end: a page that is loaded anew knows.
function render({ model, el }) {
  const face = document.createElement("div");
  face.className = "lab-clock";
  face.setAttribute("role", "timer");
  face.setAttribute("aria-label", model.get("label"));
  const end = document.createElement("div");
  end.setAttribute("role", "status");
  el.append(face, end); // the end is announced; that another second has passed is not
  let shown = "";
  const show = () => {
    const left = model.get("running") ? (model.get("until") - Date.now()) / 1000 : model.get("left");
    const seconds = Math.max(0, Math.ceil(left));
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (text === shown) return;
    face.textContent = shown = text;
    end.textContent = seconds ? "" : "Time is up.";
  };
  const begin = () => {
    if (model.get("running") && !model.get("until")) {
      model.set("until", Date.now() + 1000 * model.get("left"));
      model.save_changes();
    }
    show();
  };
  begin();
  const ticking = setInterval(show, 200);
  model.on("change:running change:until change:left", begin);
  return () => {
    clearInterval(ticking);
    model.off("change:running change:until change:left", begin);
  };
}

export default { render };
