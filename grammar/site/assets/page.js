"use strict";
const root = document.documentElement;
const up = root.dataset.up;
const input = document.getElementById("search");
const found = document.getElementById("found");

document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.theme = root.dataset.theme } catch { /* a browser that keeps nothing for files */ }
});

// The menu is open where there is room for it.
if (matchMedia("(max-width: 50rem)").matches) document.querySelector(".menu").open = false;

// A section is found if it has every word, the better the more of them are in its title.
function search(words) {
  const all = [];
  for (const s of sections) {
    const title = (s.t + " " + s.p).toLowerCase(), text = s.x.toLowerCase();
    let rank = 0;
    for (const w of words) {
      const at = title.indexOf(w);
      if (at === 0) rank += 8;
      else if (at > 0) rank += 4;
      else if (text.includes(w)) rank += 1;
      else { rank = -1; break }
    }
    if (rank > 0) all.push([rank, s]);
  }
  return all.sort((a, b) => b[0] - a[0]).slice(0, 12).map(a => a[1]);
}

function excerpt(text, words) {
  const at = Math.max(0, Math.min(...words.map(w => text.toLowerCase().indexOf(w)).filter(i => i >= 0)) - 30);
  return (at > 0 && at < Infinity ? "…" : "") + text.slice(at < Infinity ? at : 0, at + 120);
}

input.addEventListener("input", () => {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.replaceChildren();
  found.hidden = words.length === 0;
  if (found.hidden) return;
  for (const s of search(words)) {
    const item = document.createElement("li"), link = document.createElement("a"), more = document.createElement("small");
    link.href = up + s.u;
    link.textContent = s.t === s.p ? s.t : s.p + " › " + s.t;
    more.textContent = excerpt(s.x, words);
    link.append(more);
    item.append(link);
    found.append(item);
  }
  if (found.childElementCount === 0) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = "nothing found";
    found.append(none);
  } else found.firstElementChild.className = "chosen";
});

input.addEventListener("keydown", e => {
  const chosen = found.querySelector(".chosen");
  if (e.key === "Escape") { input.value = ""; found.hidden = true }
  if (!chosen) return;
  if (e.key === "Enter") chosen.firstElementChild.click();
  const next = e.key === "ArrowDown" ? chosen.nextElementSibling : e.key === "ArrowUp" ? chosen.previousElementSibling : null;
  if (!next) return;
  e.preventDefault();
  chosen.className = "";
  next.className = "chosen";
  next.scrollIntoView({ block: "nearest" });
});

document.addEventListener("keydown", e => {
  if (e.key === "/" && document.activeElement !== input) { e.preventDefault(); input.focus() }
});
document.addEventListener("click", e => { if (!e.target.closest("search")) found.hidden = true });
