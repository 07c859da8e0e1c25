"use strict";
(() => {
  const { nodes, edges } = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("graph");
  const context = canvas.getContext("2d");
  const details = document.getElementById("details");
  const rows = new Map();
  for (const row of document.querySelectorAll("#rows tr")) {
    rows.set(row.dataset.id, row);
    row.tabIndex = 0;
  }
  const near = nodes.map(() => []);
  for (const [from, to, relation] of edges) {
    near[from].push([to, relation.replaceAll("_", " ") + " →"]);
    near[to].push([from, "← " + relation.replaceAll("_", " ")]);
  }

  // Colours come from the style, so that light and dark are told in one place.
  let colours = {};
  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    colours = {};
    for (const name of ["ink", "quiet", "line", "accent", "surface", ...new Set(nodes.map((n) => n.type))]) {
      colours[name] = style.getPropertyValue("--" + name).trim();
    }
  };

  // Begins on a spiral, neighbours in the order of the table; springs and a grid of repulsion do the rest.
  const xs = new Float64Array(nodes.length);
  const ys = new Float64Array(nodes.length);
  nodes.forEach((node, i) => {
    const r = 26 * Math.sqrt(i + 0.5);
    xs[i] = r * Math.cos(i * 2.39996);
    ys[i] = r * Math.sin(i * 2.39996);
    node.radius = 4 + 8 * node.weight;
  });
  // A large graph settles in fewer steps, each of which looks at fewer neighbours; a very large one stays a spiral.
  const isLarge = nodes.length > 2000;
  const mostRepelled = isLarge ? 6 : 40;
  const cooling = isLarge ? 0.95 : 0.985;
  let heat = nodes.length > 20000 ? 0 : 1;
  const step = () => {
    const cell = 90;
    const grid = new Map();
    const key = (i) => Math.floor(xs[i] / cell) * 65536 + Math.floor(ys[i] / cell);
    for (let i = 0; i < nodes.length; ++i) {
      const k = key(i);
      if (!grid.has(k)) {
        grid.set(k, []);
      }
      grid.get(k).push(i);
    }
    const fx = new Float64Array(nodes.length);
    const fy = new Float64Array(nodes.length);
    for (let i = 0; i < nodes.length; ++i) {
      const k = key(i);
      for (const dx of [-65536, 0, 65536]) {
        for (const dy of [-1, 0, 1]) {
          const cellmates = grid.get(k + dx + dy) || [];
          for (let n = 0; n < cellmates.length && n < mostRepelled; ++n) {
            const j = cellmates[n];
            const x = xs[i] - xs[j];
            const y = ys[i] - ys[j];
            const d = x * x + y * y + 25;
            if (j !== i && d < cell * cell) {
              fx[i] += (x * 900) / d;
              fy[i] += (y * 900) / d;
            }
          }
        }
      }
      fx[i] -= xs[i] * 0.02;
      fy[i] -= ys[i] * 0.02;
    }
    for (const [a, b, , weight] of edges) {
      const x = xs[b] - xs[a];
      const y = ys[b] - ys[a];
      const d = Math.hypot(x, y) || 1;
      const pull = ((d - 60) / d) * 0.12 * (0.4 + weight);
      fx[a] += x * pull;
      fy[a] += y * pull;
      fx[b] -= x * pull;
      fy[b] -= y * pull;
    }
    for (let i = 0; i < nodes.length; ++i) {
      const f = Math.hypot(fx[i], fy[i]) || 1;
      const move = Math.min(f, 24 * heat) / f;
      xs[i] += fx[i] * move;
      ys[i] += fy[i] * move;
    }
    heat = heat < 0.02 ? 0 : heat * cooling;
  };

  let zoom = 1;
  let panX = 0;
  let panY = 0;
  let chosen = -1;
  let matches = null;
  let moved = false;
  const showAll = () => {
    let most = 40;
    for (let i = 0; i < nodes.length; ++i) {
      most = Math.max(most, Math.abs(xs[i]) + 20, Math.abs(ys[i]) + 20);
    }
    zoom = Math.min(canvas.clientWidth, canvas.clientHeight) / (2 * most);
    panX = 0;
    panY = 0;
  };
  const onScreen = (i) => [canvas.clientWidth / 2 + panX + xs[i] * zoom, canvas.clientHeight / 2 + panY + ys[i] * zoom];

  let waiting = false;
  const draw = () => {
    waiting = false;
    if (heat > 0) {
      step();
      if (!moved) {
        showAll();
      }
    }
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const lit = (i) => !matches || matches.has(i);
    const dashes = { contradicts: [5, 3], updates: [2, 3] };
    for (const [a, b, relation, weight] of edges) {
      const [ax, ay] = onScreen(a);
      const [bx, by] = onScreen(b);
      const isChosen = a === chosen || b === chosen;
      context.strokeStyle = isChosen ? colours.accent : colours.quiet;
      context.globalAlpha = isChosen ? 0.9 : lit(a) && lit(b) ? 0.4 : 0.08;
      context.lineWidth = 0.6 + weight;
      context.setLineDash(dashes[relation] || []);
      context.beginPath();
      context.moveTo(ax, ay);
      context.lineTo(bx, by);
      context.stroke();
    }
    context.setLineDash([]);
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    const scale = Math.min(1.6, Math.max(0.22, Math.sqrt(zoom)));
    for (let i = 0; i < nodes.length; ++i) {
      const [x, y] = onScreen(i);
      const radius = nodes[i].radius * scale;
      if (x < -80 || y < -80 || x > width + 80 || y > height + 80) {
        continue;
      }
      context.globalAlpha = !lit(i) ? 0.12 : nodes[i].hidden ? 0.4 : 1;
      context.fillStyle = colours[nodes[i].type];
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.fill();
      if (i === chosen) {
        context.strokeStyle = colours.accent;
        context.lineWidth = 2;
        context.beginPath();
        context.arc(x, y, radius + 4, 0, 7);
        context.stroke();
      }
      if (i === chosen || (lit(i) && (zoom > 1.1 || nodes.length < 60 || (matches && matches.size < 60)))) {
        const text = [...nodes[i].text.replace(/\s+/g, " ")];
        const label = text.length > 28 ? text.slice(0, 27).join("") + "…" : text.join("");
        context.lineWidth = 3;
        context.strokeStyle = colours.surface;
        context.strokeText(label, x, y + radius + 14);
        context.fillStyle = colours.ink;
        context.fillText(label, x, y + radius + 14);
      }
    }
    context.globalAlpha = 1;
    if (heat > 0) {
      redraw();
    }
  };
  const redraw = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  };

  const choose = (i, center) => {
    rows.get(nodes[chosen]?.id)?.classList.remove("chosen");
    chosen = i;
    details.hidden = i < 0;
    if (i >= 0) {
      rows.get(nodes[i].id)?.classList.add("chosen");
      const heading = document.createElement("h2");
      heading.textContent = nodes[i].type + " · " + nodes[i].id;
      const text = document.createElement("p");
      text.dir = "auto";
      text.textContent = nodes[i].text;
      const list = document.createElement("ul");
      for (const [other, relation] of near[i].slice(0, 20)) {
        const item = document.createElement("li");
        item.textContent = relation + " " + [...nodes[other].text].slice(0, 80).join("");
        list.append(item);
      }
      details.replaceChildren(heading, text, list);
      if (center) {
        moved = true;
        zoom = Math.max(zoom, 0.9);
        panX = -xs[i] * zoom;
        panY = -ys[i] * zoom;
      }
    }
    redraw();
  };
  const nodeAt = (x, y) => {
    let best = -1;
    let least = 18;
    for (let i = 0; i < nodes.length; ++i) {
      const [nx, ny] = onScreen(i);
      const d = Math.hypot(nx - x, ny - y);
      if (d < least) {
        least = d;
        best = i;
      }
    }
    return best;
  };
  const zoomBy = (factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
    const after = Math.min(8, Math.max(0.02, zoom * factor));
    const cx = x - canvas.clientWidth / 2;
    const cy = y - canvas.clientHeight / 2;
    panX = cx - ((cx - panX) * after) / zoom;
    panY = cy - ((cy - panY) * after) / zoom;
    zoom = after;
    moved = true;
    redraw();
  };

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.offsetX, y: event.offsetY, far: 0 };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) {
      return;
    }
    const dx = event.offsetX - held.x;
    const dy = event.offsetY - held.y;
    held = { x: event.offsetX, y: event.offsetY, far: held.far + Math.hypot(dx, dy) };
    panX += dx;
    panY += dy;
    moved = moved || held.far > 4;
    redraw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held && held.far < 5) {
      choose(nodeAt(event.offsetX, event.offsetY), false);
    }
    held = null;
  });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const pans = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (pans[event.key]) {
      panX += pans[event.key][0];
      panY += pans[event.key][1];
      moved = true;
      redraw();
    } else if (event.key === "+" || event.key === "-") {
      zoomBy(event.key === "+" ? 1.25 : 0.8);
    } else if (event.key === "Escape") {
      choose(-1, false);
    } else {
      return;
    }
    event.preventDefault();
  });
  document.getElementById("closer").addEventListener("click", () => zoomBy(1.3));
  document.getElementById("farther").addEventListener("click", () => zoomBy(1 / 1.3));
  document.getElementById("whole").addEventListener("click", () => { showAll(); redraw(); });

  const places = new Map(nodes.map((node, i) => [node.id, i]));
  const body = document.getElementById("rows");
  const fromRow = (event) => {
    const row = event.target.closest("tr");
    if (row && places.has(row.dataset.id)) {
      choose(places.get(row.dataset.id), true);
    }
  };
  body.addEventListener("click", fromRow);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      fromRow(event);
    }
  });

  const found = document.getElementById("found");
  document.getElementById("search").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter((word) => word);
    matches = words.length ? new Set() : null;
    nodes.forEach((node, i) => {
      const text = (node.text + " " + node.type + " " + node.id).toLowerCase();
      const isMatch = words.every((word) => text.includes(word));
      if (matches && isMatch) {
        matches.add(i);
      }
      const row = rows.get(node.id);
      if (row) {
        row.hidden = !isMatch;
      }
    });
    found.textContent = matches ? matches.size + " found" : "";
    redraw();
  });

  const legend = document.getElementById("legend");
  for (const type of new Set(nodes.map((node) => node.type))) {
    const item = document.createElement("li");
    const dot = document.createElement("span");
    dot.className = "dot t-" + type;
    item.append(dot, type);
    legend.append(item);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); redraw(); });
  new ResizeObserver(redraw).observe(canvas);
  readColours();
  showAll();
  redraw();
})();
