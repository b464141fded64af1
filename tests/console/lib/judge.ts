// What is demanded of every screen: nothing serious for axe-core, nothing wider than the window, the right theme.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The serious and critical findings of axe-core, each with the elements that it is about. */
export async function serious(page: Page): Promise<string[]> {
  await page.evaluate(source);
  const results = await page.evaluate(async () => {
    const axe = (window as unknown as { axe: { run: (options: object) => Promise<AxeResults> } }).axe;
    return axe.run({ resultTypes: ["violations"] });
  });
  return results.violations
    .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
    .map((violation) => {
      const nodes = violation.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`);
      return `${violation.id} (${violation.impact}): ${violation.help}\n  ${nodes.slice(0, 5).join("\n  ")}`;
    });
}

/** What is wider than the window, or than the box in which the page scrolls, and by how much. */
export async function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const name = (element: Element) => `${element.tagName.toLowerCase()}.${[...element.classList].join(".")}`;
    const boxes = [document.documentElement, document.body, ...document.querySelectorAll("main, .pf-v6-c-page__main-container")];
    const wide = boxes.filter((box) => box.scrollWidth > box.clientWidth + 1);
    if (wide.length === 0) return [];
    // what scrolls inside a box of its own does not widen the page
    const boxed = (element: Element): boolean => {
      for (let box = element.parentElement; box && !boxes.includes(box); box = box.parentElement) {
        if (getComputedStyle(box).overflowX !== "visible") return true;
      }
      return false;
    };
    const out = [...document.body.querySelectorAll("*")]
      .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !boxed(element))
      .slice(0, 5);
    return [...wide.map((box) => `${name(box)} is ${box.scrollWidth - box.clientWidth} px too wide`), ...out.map(name)];
  });
}

/** How bright the page's background is, from 0 to 1. */
export async function brightness(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (!canvas) throw new Error("no canvas");
    // what shows behind the middle of the page: the first opaque background on the way up
    const middle = document.elementFromPoint(window.innerWidth / 2, window.innerHeight - 2);
    for (let element: Element | null = middle; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = canvas.getImageData(0, 0, 1, 1).data;
      if (alpha > 250) return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
    }
    return 1;
  });
}
