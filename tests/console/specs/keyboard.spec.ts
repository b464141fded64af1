// Everything by keyboard: signing in and making an organization, with the place of the focus always to be seen.
import type { Locator, Page } from "@playwright/test";

import { Session } from "../lib/api.ts";
import { person } from "../lib/secrets.ts";
import { expect, test } from "../lib/watched.ts";

/** Goes on by Tab until this has the focus, and looks at every stop on the way. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let stops = 0; stops < 60; stops += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      expect(await focusIsVisible(page), `the focus on ${String(target)} can be seen`).toBe(true);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`no Tab leads to ${String(target)}`);
}

/** Whether the focused element, or the box around it, looks different from how it looks without the focus. */
async function focusIsVisible(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const focused = document.activeElement;
    if (!(focused instanceof HTMLElement)) return false;
    const boxes = [focused, focused.parentElement, focused.parentElement?.parentElement].filter((box) => !!box);
    const look = () =>
      boxes
        .flatMap((box) => [getComputedStyle(box), getComputedStyle(box, "::before"), getComputedStyle(box, "::after")])
        .map((style) => [style.outline, style.boxShadow, style.border, style.backgroundColor, style.textDecoration].join())
        .join();
    const outline = getComputedStyle(focused);
    if (outline.outlineStyle !== "none" && Number.parseFloat(outline.outlineWidth) > 0) return true;
    const before = look();
    focused.blur();
    const after = look();
    focused.focus();
    return before !== after;
  });
}

test("signing in and creating an organization need no mouse", async ({ page, watch }) => {
  watch.allow(/status of 422/);
  const who = person("keyboard");
  await Session.of(who);
  await page.goto("/signin");
  await tabTo(page, page.locator("#pf-login-username-id"));
  await page.keyboard.type(who.username);
  await page.keyboard.press("Tab");
  await expect(page.locator("#pf-login-password-id")).toBeFocused();
  await page.keyboard.type(who.password);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/organization$/);

  // the first stop of a page leads past the bar
  await page.keyboard.press("Tab");
  const skip = page.locator(":focus");
  await expect(skip).toHaveText(/skip to (main )?content/i);
  expect(await focusIsVisible(page)).toBe(true);

  await tabTo(page, page.getByTestId("create-menu-toggle"));
  await page.keyboard.press("Enter");
  const item = page.getByRole("link", { name: "New Organization" });
  await expect(item).toBeVisible();
  await tabTo(page, item);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Create Organization" })).toBeVisible();
  await tabTo(page, page.locator("#create-org-name-input"));
  await page.keyboard.type("Not A Name");
  await page.keyboard.press("Enter");
  // what is wrong stands beside the field and is tied to it
  const field = page.locator("#create-org-name-input");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(page.locator("#create-org-name-input-error")).toBeVisible();
  expect(await field.getAttribute("aria-describedby")).toContain("create-org-name-input-error");
  await tabTo(page, field);
  await field.selectText();
  await page.keyboard.type("by-keyboard");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "by-keyboard", exact: true }).or(page.getByRole("heading", { name: "by-keyboard" })).first()).toBeVisible();
});

test("the menu of the bar closes by Escape and gives the focus back", async ({ page }) => {
  const who = person("escape");
  const session = await Session.of(who);
  await session.keep("/dev/null");
  await page.goto("/signin");
  await page.locator("#pf-login-username-id").fill(who.username);
  await page.locator("#pf-login-password-id").fill(who.password);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/organization$/);
  const menu = page.getByTestId("create-menu-toggle");
  await menu.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "New Organization" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("link", { name: "New Organization" })).toBeHidden();
  await expect(menu).toBeFocused();
});
