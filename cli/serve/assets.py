"""The page's own style and script; all that it loads comes from here or from NiceGUI's files on this machine."""

STYLE = """
:root { --ink: #20242c; --dim: #5b616c; --line: #c9ced6; --ground: #ffffff; --card: #f4f5f7; --bar: #3a6fb5;
  --best: #b07b00; --right: #1f7a3d; --wrong: #b3261e; }
.body--dark { --ink: #e6e8ec; --dim: #a9afba; --line: #434955; --ground: #14161b; --card: #1d2027; --bar: #6ea3e6;
  --best: #ffd640; --right: #6fd08c; --wrong: #ff8a80; }
@layer theme { .body--dark .bg-primary { color: #10131a !important; } }
body { --q-primary: #2a66a8 !important; } body.body--dark { --q-primary: #7fb2ec !important; }
body { color: var(--ink); background: var(--ground); font-family: system-ui, sans-serif; }
.nicegui-content { padding: 0; align-items: stretch; }
.all { width: 100%; max-width: 70rem; margin: 0 auto; padding: .75rem 1rem 3rem; box-sizing: border-box; }
.head { display: flex; align-items: center; gap: 1rem; flex-wrap: wrap; }
.head h1 { font-size: 1.4rem; font-weight: 700; margin: 0; line-height: 1.3; } .head > :first-child { flex: 1 1 auto; }
h2 { font-size: 1.2rem; font-weight: 700; margin: .75rem 0 .25rem; line-height: 1.3; }
h3 { font-size: 1rem; font-weight: 700; margin: 0 0 .35rem; line-height: 1.3; }
p { margin: 0 0 .6rem; max-width: 46rem; line-height: 1.45; }
.dim { color: var(--dim); } .small { font-size: .85rem; line-height: 1.4; }
.q-tabs__content { flex-wrap: wrap; justify-content: flex-start !important; }
.q-tab { padding: 0 .6rem; min-height: 2.6rem; text-transform: none; flex: 0 0 auto !important; }
.row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin: .4rem 0; }
.parts { display: flex; flex-wrap: wrap; gap: 1.25rem; align-items: flex-start; margin-top: .5rem; }
.part { flex: 0 1 auto; min-width: 0; max-width: 100%; }
.grow { flex: 1 1 18rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 46%), 1fr)); gap: 1rem;
  margin-top: .5rem; }
.tiles > * { min-width: 0; } .tiles img { width: 100%; }
.tiles h3 { min-height: 2.6em; display: flex; align-items: flex-end; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
.pair.stage { width: 100%; }
.pair img { width: 100%; } @media (max-width: 40rem) { .pair { grid-template-columns: minmax(0, 1fr); } }
.q-btn { text-transform: none; } .q-icon { overflow: hidden; } /* until its font is there it is a long word */
.q-field { min-width: 11rem; }
.wide { flex: 1 1 16rem; min-width: min(16rem, 100%); max-width: 26rem; }
.long { flex: 1 1 20rem; min-width: min(20rem, 100%); }
.said { display: flex; gap: .6rem; align-items: center; } .note { overflow-wrap: anywhere; line-height: 1.45; }
.note.bad { color: var(--wrong); font-weight: 600; }
img.shown { display: block; max-width: 100%; height: auto; border-radius: 4px; }
img.pixels { image-rendering: pixelated; }
img.paper { background: #fff; } img.drawn { width: 32rem; }
.stage { outline-offset: 3px; border-radius: 4px; width: fit-content; max-width: 100%; }
.stage:focus-visible, canvas.drawing:focus-visible { outline: 3px solid var(--bar); }
.drawer { width: 17.5rem; }
canvas.drawing { width: 100%; aspect-ratio: 1; background: #000; border-radius: 4px; touch-action: none;
  cursor: crosshair; border: 1px solid var(--line); display: block; }
input.through { width: 100%; accent-color: var(--bar); margin: .3rem 0 .6rem; }
.scroll { overflow-x: auto; max-width: 100%; }
.bars { display: grid; grid-template-columns: max-content minmax(2rem, 16rem) max-content; gap: .15rem .5rem;
  align-items: center; font-variant-numeric: tabular-nums; }
.bars i { display: block; height: .8rem; border-radius: 2px; background: var(--bar); min-width: 1px; }
.bars .best { font-weight: 700; } .bars i.best { background: var(--best); }
.right { color: var(--right); font-weight: 600; } .wrong { color: var(--wrong); font-weight: 600; }
.ramp { display: inline-block; width: 5rem; height: .7rem; border-radius: 2px; vertical-align: -1px;
  background: linear-gradient(to right, #000, #eb281e); }
.words { display: flex; flex-wrap: wrap; gap: .3rem; }
.words > * { padding: .25rem .5rem; border-radius: 4px; border: 1px solid var(--line); }
.facts { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.facts th, .facts td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; min-width: 5.5rem; }
.facts th:first-child, .facts td:first-child { color: var(--dim); font-weight: 400; }
.body--dark .in-light, body:not(.body--dark) .in-dark { display: none; }
kbd { border: 1px solid var(--line); border-radius: 3px; padding: 0 .3rem; font-size: .85em; background: var(--card); }
summary { cursor: pointer; display: list-item; }
@media (max-width: 40rem) { .all { padding: .5rem .75rem 2rem; } .q-tab { padding: 0 .45rem; } .parts { gap: .9rem; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
"""

# a canvas.drawing keeps its strokes, [[[x, y], …], …] in [0, 1], and tells them by an event as each ends
SCRIPT = """
(() => {
  const point = (canvas, e) => { const r = canvas.getBoundingClientRect();
    return [(e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height].map(v => Math.round(v * 1000) / 1000); };
  const paint = canvas => { const c = canvas.getContext('2d'), n = canvas.width;
    c.fillStyle = '#000'; c.fillRect(0, 0, n, n); c.strokeStyle = c.fillStyle = '#fff';
    c.lineWidth = n / 12; c.lineCap = c.lineJoin = 'round';
    for (const stroke of canvas.strokes || []) { c.beginPath(); stroke.forEach(([x, y], i) =>
      i ? c.lineTo(x * n, y * n) : c.moveTo(x * n, y * n)); const [x, y] = stroke[0];
      if (stroke.length < 2) c.lineTo(x * n + .1, y * n); c.stroke(); } };
  const tell = canvas => canvas.dispatchEvent(new CustomEvent('drawn', { detail: canvas.strokes || [] }));
  const drawing = e => e.target instanceof Element && e.target.matches('canvas.drawing') ? e.target : null;
  document.addEventListener('pointerdown', e => { const canvas = drawing(e); if (!canvas || e.button) return;
    canvas.setPointerCapture(e.pointerId); canvas.pen = e.pointerId;
    (canvas.strokes = canvas.strokes || []).push([point(canvas, e)]); paint(canvas);
    e.preventDefault(); canvas.focus(); });
  document.addEventListener('pointermove', e => { const canvas = drawing(e);
    if (!canvas || canvas.pen !== e.pointerId) return;
    canvas.strokes[canvas.strokes.length - 1].push(point(canvas, e)); paint(canvas); });
  for (const end of ['pointerup', 'pointercancel']) document.addEventListener(end, e => { const canvas = drawing(e);
    if (!canvas || canvas.pen !== e.pointerId) return; canvas.pen = null; tell(canvas); });
  window.clearDrawing = id => { const canvas = document.getElementById(id); canvas.strokes = []; paint(canvas); };
})();
"""
