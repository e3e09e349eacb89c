// Looks at one page as it stands in the browser; gives a list of what is wrong with it.
(async () => {
  await document.fonts.ready;
  const said = new Set();
  const main = document.querySelector("main");
  const shown = (element) => element.getClientRects().length > 0 && getComputedStyle(element).visibility === "visible";
  const name = (element) => `<${element.tagName.toLowerCase()}> "${element.textContent.trim().slice(0, 30)}"`;

  // Colours: `rgb(…)` or `rgba(…)` as computed styles give them.
  const parse = (colour) => {
    const numbers = (colour.match(/[\d.]+/g) ?? []).map(Number);
    const [r, g, b, a = 1] = numbers.length >= 3 ? numbers : [0, 0, 0, 0];
    return { r, g, b, a };
  };
  const light = ({ r, g, b }) => {
    const part = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const contrast = (a, b) => {
    const [hi, lo] = [light(a), light(b)].sort((x, y) => y - x);
    return (hi + 0.05) / (lo + 0.05);
  };
  const backdrop = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.a > 0.9) return colour;
    }
    return { r: 255, g: 255, b: 255, a: 1 };
  };
  const judge = (element, ink, ground) => {
    const ratio = contrast(ink, ground);
    if (ratio < 4.5) said.add(`contrast of ${ratio.toFixed(1)} where 4.5 is the least: ${name(element)}`);
  };

  // Text of the page, and of the list of pages beside it.
  for (const root of [main, ...document.querySelectorAll("nav[class*=sidebar]")]) {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!texts.currentNode.data.trim() || element.closest("svg, script, style, button") || !shown(element)) continue;
      judge(element, parse(getComputedStyle(element).color), backdrop(element));
    }
  }

  // Figures: they have size, and their words can be read where they stand.
  for (const svg of main.querySelectorAll("figure svg, figure img")) {
    const box = svg.getBoundingClientRect();
    if (box.width < 200 || box.height < 20) said.add(`a figure of ${box.width.toFixed(0)} x ${box.height.toFixed(0)}`);
    const boxes = [...svg.querySelectorAll("rect")];
    for (const text of svg.querySelectorAll("text")) {
      const at = text.getBoundingClientRect();
      if (at.height < 10) said.add(`a figure has letters of ${at.height.toFixed(0)} pixels: ${name(text)}`);
      if (at.left < box.left - 1 || at.right > box.right + 1) said.add(`a figure's words run out of it: ${name(text)}`);
      const [x, y] = [(at.left + at.right) / 2, (at.top + at.bottom) / 2];
      const under = boxes.filter((rect) => {
        const r = rect.getBoundingClientRect();
        return r.left <= x && x <= r.right && r.top <= y && y <= r.bottom;
      }).pop();
      const fill = under ? parse(getComputedStyle(under).fill) : { a: 0 };
      judge(text, parse(getComputedStyle(text).fill), fill.a > 0.9 ? fill : backdrop(svg.parentElement));
    }
  }

  // The edges of boxes, which tell what a box is where its fill is faint.
  for (const rect of main.querySelectorAll("figure svg rect")) {
    const style = getComputedStyle(rect);
    if (style.stroke === "none") continue;
    const ratio = contrast(parse(style.stroke), backdrop(rect.closest("svg").parentElement));
    if (ratio < 3) said.add(`contrast of ${ratio.toFixed(1)} where 3 is the least: the edge of a box ".${rect.getAttribute("class")}"`);
  }

  // Nothing sticks out to the side, but for what scrolls by itself.
  const scrolls = (element) => {
    for (let e = element.parentElement; e && e !== main; e = e.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return true;
    }
    return false;
  };
  for (const element of main.querySelectorAll("*")) {
    if (!shown(element) || element.closest("svg") !== null && element.tagName !== "svg") continue;
    if (element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element)) {
      said.add(`it scrolls sideways: ${name(element)}`);
      break;
    }
  }

  // Folded answers open by the mouse, and have something in them.
  for (const details of main.querySelectorAll("details")) {
    const was = details.open;
    const before = details.getBoundingClientRect().height;
    details.querySelector("summary")?.click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    if (details.open === was) said.add(`a folded answer does not open: ${name(details)}`);
    else if (details.getBoundingClientRect().height <= before) said.add(`a folded answer is empty: ${name(details)}`);
    details.open = was;
  }
  return [...said];
})()
