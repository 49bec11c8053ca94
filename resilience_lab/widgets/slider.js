function render({ model, el }) {
  const id = newId();
  const label = element("label", { htmlFor: id });
  const input = element("input", { type: "range", id });
  const shown = element("output", { htmlFor: id });
  shown.setAttribute("aria-live", "off"); // the input speaks for itself
  el.classList.add("lab-slider");
  el.append(label, input, shown);

  const words = (value) => {
    const decimals = (String(model.get("step")).split(".")[1] ?? "").length;
    return `${Number(value).toFixed(decimals)} ${model.get("unit")}`.trim();
  };
  const say = () => {
    shown.textContent = words(input.value);
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  const show = () => {
    label.textContent = model.get("description");
    for (const name of ["min", "max", "step"]) input[name] = model.get(name);
    input.value = model.get("value"); // after its bounds, or it would be cut to the old ones
    input.disabled = model.get("disabled");
    const longest = Math.max(...["min", "max"].map((end) => words(model.get(end)).length));
    shown.style.minWidth = `${longest}ch`; // so that the handle's way does not change under it
    say();
  };
  show();
  model.on("change", show);
  input.addEventListener("input", say);
  input.addEventListener("change", () => {
    model.set("value", Number(input.value));
    model.save_changes();
  });
  const release = keepOwnKeys(el);
  return () => {
    model.off("change", show);
    release();
  };
}

export default { render };
