// SPDX-License-Identifier: MIT
// Zoom by a click, search by "/" or Ctrl-F, as wide as the window; all in the picture, without a network.
"use strict";
const LETTER = 7.25, DRAWN = 1200;
let picture, frames, details, found, reset, at, wide = DRAWN;

function flame_start() {
	picture = document.documentElement;
	frames = Array.from(document.querySelectorAll("#frames > .f"), (g) => {
		const rect = g.querySelector("rect");
		return {
			g, rect, text: g.querySelector("text"),
			title: g.querySelector("title").textContent,
			x: +rect.getAttribute("x"), w: +rect.getAttribute("width"), level: +g.dataset.l,
		};
	});
	details = document.getElementById("details");
	found = document.getElementById("found");
	reset = document.getElementById("reset");
	for (const f of frames) {
		f.name = f.title.replace(/: [^:]*$/, "");
		f.g.addEventListener("click", () => flame_zoom(f));
		f.g.addEventListener("mouseover", () => flame_tell(f.title));
		f.g.addEventListener("mouseout", () => flame_tell(""));
	}
	reset.addEventListener("click", () => flame_zoom(frames[0]));
	document.getElementById("search").addEventListener("click", flame_ask);
	window.addEventListener("keydown", flame_key);
	window.addEventListener("resize", flame_fit);
	at = frames[0];
	flame_fit();
}

function flame_key(e) {
	if (e.key === "/" || ((e.ctrlKey || e.metaKey) && e.key === "f")) {
		e.preventDefault();
		flame_ask();
	} else if (e.key === "Escape" && at) {
		flame_search("");
		flame_zoom(frames[0]);
	}
}

// As wide as the window; letters keep their size.
function flame_fit() {
	picture.removeAttribute("viewBox");
	picture.setAttribute("width", "100%");
	wide = Math.max(600, picture.clientWidth || DRAWN);
	for (const text of document.querySelectorAll(".right")) text.setAttribute("x", wide - 10);
	if (at) flame_zoom(at);
}

// Below the boxes, or, when that is out of sight, at the window's lower edge.
function flame_tell(what) {
	const lowest = +picture.getAttribute("height") - 10;
	details.setAttribute("y", Math.min(lowest, window.scrollY + window.innerHeight - 10));
	details.textContent = what;
}

// Shows one frame as wide as the drawing: its callees above it, its callers below.
function flame_zoom(to) {
	const scale = wide / to.w, slack = 0.01;
	at = to;
	for (const f of frames) {
		const over = f.level < to.level && f.x <= to.x + slack && f.x + f.w >= to.x + to.w - slack;
		const within = f.level >= to.level && f.x >= to.x - slack && f.x + f.w <= to.x + to.w + slack;
		f.g.style.display = over || within ? "" : "none";
		f.g.classList.toggle("under", over);
		if (over || within) flame_place(f, over ? 0 : (f.x - to.x) * scale, over ? wide : f.w * scale);
	}
	reset.setAttribute("visibility", to === frames[0] ? "hidden" : "visible");
}

function flame_place(f, x, width) {
	const room = Math.floor((width - 6) / LETTER);
	f.rect.setAttribute("x", x);
	f.rect.setAttribute("width", Math.max(width - 0.5, 0.2));
	f.text.setAttribute("x", x + 3);
	f.text.textContent = room < 3 ? "" : f.name.length <= room ? f.name : f.name.slice(0, room - 1) + "…";
}

function flame_ask() {
	const wanted = window.prompt("Functions whose name matches (a regular expression):", "");
	if (wanted !== null) flame_search(wanted);
}

// Marks what matches; the share counts what lies under several matches once.
function flame_search(wanted) {
	let pattern = null, spans = [];
	try {
		pattern = wanted ? new RegExp(wanted, "i") : null;
	} catch (e) {
		found.textContent = "not a regular expression: " + wanted;
		return;
	}
	for (const f of frames) {
		const hit = pattern !== null && pattern.test(f.name);
		f.g.classList.toggle("hit", hit);
		if (hit) spans.push([f.x, f.x + f.w]);
	}
	spans.sort((a, b) => a[0] - b[0]);
	let covered = 0, end = 0;
	for (const [from, to] of spans) {
		covered += Math.max(0, to - Math.max(from, end));
		end = Math.max(end, to);
	}
	found.textContent = pattern ? spans.length + " match" + (spans.length === 1 ? "" : "es") + ", " +
		(covered / DRAWN * 100).toFixed(1) + "%" : "";
}
