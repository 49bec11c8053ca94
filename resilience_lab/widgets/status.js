function render({ model, el }) {
  const region = element("div", { className: "lab-status" });
  region.setAttribute("role", "status");
  region.setAttribute("aria-live", "polite");
  el.append(region); // empty at first: what is put into it later is announced
  const show = () => {
    if (model.get("html")) region.innerHTML = model.get("html");
    else region.textContent = model.get("text");
  };
  show();
  model.on("change:text change:html", show);
  return () => model.off("change:text change:html", show);
}

export default { render };
