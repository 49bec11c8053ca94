function render({ model, el }) {
  const fieldset = element("fieldset", { className: "lab-choice" });
  el.append(fieldset);
  let radios = [];

  const option = (text, name) => {
    const label = element("label");
    const radio = element("input", { type: "radio", name, value: text });
    radio.addEventListener("change", () => {
      model.set("value", text);
      model.save_changes();
    });
    label.append(radio, element("span", { textContent: text }));
    return label;
  };
  const build = () => {
    const name = newId();
    const labels = model.get("options").map((text) => option(text, name));
    radios = labels.map((label) => label.firstChild);
    fieldset.replaceChildren(element("legend", { textContent: model.get("question") }), ...labels);
    show();
  };
  const show = () => {
    for (const radio of radios) radio.checked = radio.value === model.get("value");
    fieldset.disabled = model.get("disabled");
  };
  build();
  model.on("change:question change:options", build);
  model.on("change:value change:disabled", show);
  const release = keepOwnKeys(el);
  return () => {
    model.off("change:question change:options", build);
    model.off("change:value change:disabled", show);
    release();
  };
}

export default { render };
