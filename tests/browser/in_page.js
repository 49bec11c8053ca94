// What the tests do inside the page: run the notebook, find its controls, time what a key press changes.
window.inPage = (() => {
  const KINDS = { // the first are measured first, as long as there is time
    slider: "input[type=range]",
    select: "select",
    button: "button",
    checkbox: "input[type=checkbox]",
    radio: "fieldset",
    field: "input:not([type=radio], [type=checkbox], [type=range], [type=hidden]), textarea",
  };
  const WIDGET = ".lm-Widget"; // the innermost one around a control is the control's own
  const complaints = []; // of the kernel, after the cells have run: a callback's error shows nowhere else
  let hosts = []; // the outputs that hold widgets
  let watched = null;

  let panel = null; // of the notebook
  const codeCells = () => panel.content.widgets.filter((cell) => cell.model.type === "code");
  const isOff = (node) => node.closest("[disabled]") !== null || !node.checkVisibility();
  const frames = (n) => (n ? new Promise(requestAnimationFrame).then(() => frames(n - 1)) : null);

  function listen(_, message) {
    const { header, parent_header: parent, content } = message;
    if (header.msg_type === "error") complaints.push(`${content.ename}: ${content.evalue}`);
    if (header.msg_type === "stream" && content.name === "stderr") complaints.push(content.text);
    if (watched && header.msg_type === "status" && parent.msg_type === "comm_msg") {
      watched.running += content.execution_state === "busy" ? 1 : -1;
      watched.answered = watched.running === 0;
    }
  }

  // True as soon as the notebook is the tab in front.
  function opened(path) {
    panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.path === path && panel.content?.widgets.length > 0;
  }

  async function run() {
    const { commands, restored } = window.jupyterapp;
    await restored;
    await panel.context.ready;
    await panel.sessionContext.ready;
    const { kernel } = panel.sessionContext.session;
    await kernel.info;
    // Committed counts and outputs would pass for those of this run.
    await commands.execute("notebook:clear-all-cell-outputs");
    await commands.execute("notebook:run-all-cells"); // ends early at an error, an expected one, too
    await kernel.requestKernelInfo(); // answered when all cells are
    kernel.iopubMessage.connect(listen);
    return codeCells().map(({ model }) => ({
      source: model.sharedModel.source,
      count: model.executionCount,
      tags: model.getMetadata("tags") || [],
      outputs: model.outputs.toJSON(),
    }));
  }

  // Kernel > Restart, from the answer of the old kernel to that of the new one. A restart while the
  // first connection is being made may mix up the protocols of both, and then no answer comes.
  async function restart() {
    await panel.sessionContext.ready;
    const { kernel } = panel.sessionContext.session;
    await kernel.info;
    await kernel.restart();
    await kernel.requestKernelInfo();
  }

  // True as soon as every widget output is drawn; `widgets` is their number.
  function drawn(widgets) {
    const outputs = codeCells().flatMap((cell) => [...cell.node.querySelectorAll(".jp-OutputArea-output")]);
    hosts = outputs.filter((node) => node.querySelector(".jupyter-widgets"));
    return hosts.length === widgets;
  }

  function controls(host) {
    const found = Object.entries(KINDS).flatMap(([kind, selector]) =>
      [...hosts[host].querySelectorAll(selector)].map((node) => {
        const targets = kind === "radio" ? [...node.querySelectorAll("input[type=radio]")] : [node];
        return { kind, node, targets: targets.filter((target) => !isOff(target)) };
      }),
    );
    return found.filter(({ targets }) => targets.length);
  }

  function name({ kind, node }, index) {
    const label = { button: node, radio: node.querySelector("legend") }[kind] ?? node.labels?.[0];
    return label?.textContent.replace("\u200b", "").trim() || node.title || `${kind} ${index + 1}`;
  }

  const known = (host) =>
    controls(host).map((control, i) => [control.kind, name(control, i), control.targets.length]);

  const state = (node) => [node.checked, node.value].join();

  // Whether a reader can have both on the screen: all of it, or a good part of something large.
  function together(control, changed) {
    const [own, other] = [control, changed].map((node) => node.getBoundingClientRect());
    const part = Math.min(other.height, 100);
    const top = Math.min(own.top, other.bottom - part);
    return part > 0 && Math.max(own.bottom, other.top + part) - top <= panel.content.node.clientHeight;
  }

  // Focus a control's `turn`-th target and watch; returns the keys that operate it.
  function arm(host, index, turn) {
    const { kind, node, targets } = controls(host)[index];
    let target = targets[turn % targets.length];
    if (kind === "radio" && target.checked) target = targets[(turn + 1) % targets.length];
    const own = node.closest(WIDGET);
    const watch = { kind, target, at: null, changes: [], changed: new Set(), running: 0, answered: false };
    target.focus();
    watch.before = state(target);
    watch.observer = new MutationObserver((records) => {
      const elements = records.map(({ target }) => target.closest?.(WIDGET) ?? target.parentElement);
      const others = elements.filter((node) => !own.contains(node));
      if (watch.at === null || !others.length) return;
      watch.changes.push(performance.now() - watch.at);
      for (const node of others) watch.changed.add(node);
    });
    const everything = { subtree: true, childList: true, attributes: true, characterData: true };
    watch.observer.observe(hosts[host], everything);
    watch.pressed = () => (watch.at = performance.now());
    watch.clicked = () => (watch.operated = true);
    window.addEventListener("keydown", watch.pressed, { capture: true });
    target.addEventListener("click", watch.clicked, { once: true });
    watched = watch;
    if (kind !== "slider" && kind !== "select") return ["Space"];
    const value = kind === "slider" ? Number(target.value) : target.selectedIndex;
    const end = kind === "slider" ? Number(target.max) : target.options.length - 1;
    const back = turn % 2 === 1 || value >= end; // there and back, so that no end is run into
    if (kind === "slider") return [back ? "ArrowLeft" : "ArrowRight"];
    // JupyterLab takes the arrows to go to the next cell, unless the list is open.
    return ["Space", back ? "ArrowUp" : "ArrowDown", "Enter"];
  }

  // After the key press: wait until the kernel has answered and the page is quiet, at most `limit` ms.
  async function settled(limit) {
    const watch = watched;
    const end = performance.now() + limit;
    const near = () => [...watch.changed].some((node) => together(watch.target, node));
    let seen = -1;
    for (let quiet = 0; performance.now() < end; ) {
      await frames(1);
      quiet = watch.changes.length === seen ? quiet + 1 : 0;
      seen = watch.changes.length;
      // On a busy machine what is near may be drawn long after what is far: there is time for it.
      const patience = seen && !near() ? 30 : watch.answered ? 2 : 12;
      if ((watch.answered || seen) && quiet >= patience) break;
    }
    watch.observer.disconnect();
    window.removeEventListener("keydown", watch.pressed, { capture: true });
    watch.target.removeEventListener("click", watch.clicked);
    watched = null;
    return {
      first: watch.changes.at(0) ?? null,
      last: watch.changes.at(-1) ?? null,
      together: near(),
      operated: watch.operated || state(watch.target) !== watch.before,
      keeps_focus: document.activeElement === watch.target || watch.target.disabled === true,
    };
  }

  // The Tab key has to enter the output like a reader who comes from the line above it.
  function enter(host) {
    hosts[host].tabIndex = -1;
    hosts[host].focus();
  }

  function tabStop(host) {
    const here = document.activeElement;
    if (!hosts[host].contains(here)) return null;
    return controls(host).findIndex(({ targets }) => targets.includes(here));
  }

  // What sticks out, scrolls sideways or is cut off.
  function misfits(host) {
    const output = hosts[host];
    const edge = output.getBoundingClientRect().left + output.clientWidth;
    const found = [];
    for (const node of [output, ...output.querySelectorAll("*")]) {
      if (!node.checkVisibility()) continue;
      const what = `<${node.localName} class="${node.getAttribute("class") ?? ""}"> ${node.textContent.trim().slice(0, 40)}`;
      const wider = node.scrollWidth - node.clientWidth;
      const beyond = Math.round(node.getBoundingClientRect().right - edge);
      if (beyond > 1 && !node.closest("svg svg, svg *")) found.push(`${beyond} px too wide: ${what}`);
      else if (wider > 1 && /auto|scroll/.test(getComputedStyle(node).overflowX)) found.push(`scrolls sideways by ${wider} px: ${what}`);
      else if (wider > 1 && node.matches("label, legend, output, .widget-label, .widget-button")) found.push(`text cut off: ${what}`);
    }
    return found;
  }

  function show(host) {
    hosts[host].scrollIntoView({ block: "start" });
    return hosts[host].offsetHeight;
  }

  // What axe-core, which the test has put into the page, finds in the outputs of the cells. It looks
  // at the whole page each time that it runs, so it runs once for all of them.
  async function violations() {
    const cells = codeCells();
    const include = cells.flatMap((cell) => [...cell.node.querySelectorAll(".jp-OutputArea-output")]);
    if (!include.length) return [];
    const found = await axe.run({ include }, { resultTypes: ["violations"], elementRef: true });
    const told = found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ element, html, failureSummary }) => {
        const number = cells.findIndex((cell) => cell.node.contains(element)) + 1;
        return [number, `code cell ${number}: ${id}: ${html.slice(0, 200)} ${failureSummary}`];
      }),
    );
    return told.sort(([one], [other]) => one - other).map(([, text]) => text);
  }

  const texts = (host, selector) =>
    [...hosts[host].querySelectorAll(selector)].map((node) => node.textContent.trim());

  return { opened, run, restart, drawn, known, arm, settled, enter, tabStop, misfits, show, texts, violations, complaints };
})();
