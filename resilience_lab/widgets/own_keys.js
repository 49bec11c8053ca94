// JupyterLab and Notebook 7 take keys before a control in an output does: an arrow goes to the next
// cell, "b" adds one. Keys without a modifier belong to the control; Shift+Enter still runs the cell.
function keepOwnKeys(node) {
  const mark = (event) => {
    if (!node.contains(event.target)) return;
    const combined = event.shiftKey || event.ctrlKey || event.altKey || event.metaKey;
    event.target.toggleAttribute("data-lm-suppress-shortcuts", !combined);
  };
  window.addEventListener("keydown", mark, { capture: true });
  return () => window.removeEventListener("keydown", mark, { capture: true });
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

const newId = () => `lab-${Math.random().toString(36).slice(2)}`;
