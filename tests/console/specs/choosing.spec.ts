// Several tags at once, short addresses, stars, and tokens for programs: what people do once there is content.
import type { Page } from "@playwright/test";

import { Session } from "../lib/api.ts";
import { confirm, signIn } from "../lib/account.ts";
import { Clients } from "../lib/clients.ts";
import { serious } from "../lib/judge.ts";
import { known, person } from "../lib/secrets.ts";
import { expect, test, visit } from "../lib/watched.ts";

/** Somebody who has pushed one image under these tags. */
async function withTags(page: Page, name: string, tags: string[]): Promise<string> {
  const owner = person(name);
  await Session.of(owner);
  const clients = new Clients(name);
  for (const tag of tags) await clients.pushImage(`${name}/app:${tag}`, owner);
  await signIn(page, owner);
  return `/repository/${name}/app`;
}

test("tags are chosen, listed, changed and deleted several at once", async ({ page }) => {
  const path = await withTags(page, "chooser", ["a", "b", "c"]);
  await visit(page, `${path}?tab=tags`);
  await page.getByTestId("select-a").check();
  await page.getByTestId("select-b").check();
  await expect(page.getByText("2 selected")).toBeVisible();
  const all = page.getByTestId("select-all");
  expect(await all.evaluate((box) => (box as HTMLInputElement).indeterminate)).toBe(true);
  await all.check();
  await expect(page.getByTestId("select-c")).toBeChecked();
  await expect(page.getByText("3 selected")).toBeVisible();
  await page.getByTestId("select-c").uncheck();

  await page.getByTestId("bulk-expire").click();
  await expect(page.getByTestId("chosen-table").getByRole("row")).toHaveCount(3);
  await page.locator("#tags-expire").fill("2099-12-31T23:59");
  await confirm(page);
  for (const tag of ["a", "b"]) await expect(page.getByTestId(`tag-row-${tag}`)).toContainText("31 Dec 2099");
  await expect(page.getByTestId("tag-row-c")).toContainText("Never");

  await page.getByTestId("select-a").check();
  await page.getByTestId("select-b").check();
  await page.getByTestId("bulk-delete").click();
  await expect(page.getByRole("heading", { name: "Delete 2 tags?" })).toBeVisible();
  expect(await serious(page)).toEqual([]);
  await confirm(page);
  await expect(page.getByTestId("tag-row-a")).toBeHidden();
  await expect(page.getByTestId("tag-row-c")).toBeVisible();
});

test("an immutable tag is left out and told", async ({ page }) => {
  const path = await withTags(page, "keeper", ["kept", "loose"]);
  await visit(page, `${path}?tab=tags`);
  await page.getByTestId("tag-menu-kept").click();
  await page.getByTestId("tag-row-kept").getByRole("link", { name: "Make immutable" }).click();
  await confirm(page);
  await visit(page, `${path}?tab=tags`);
  await page.getByTestId("select-all").check();
  await page.getByTestId("bulk-delete").click();
  await expect(page.getByTestId("left-table")).toContainText("kept");
  await expect(page.getByTestId("chosen-table")).toContainText("loose");
  await confirm(page);
  await expect(page.getByTestId("tag-row-loose")).toBeHidden();
  await expect(page.getByTestId("tag-row-kept")).toBeVisible();
});

test("a short address leads to the page that it means", async ({ page }) => {
  const path = await withTags(page, "shorty", ["v1"]);
  await page.goto("/shorty");
  await expect(page).toHaveURL(/\/user\/shorty$/);
  await page.goto("/shorty/app?tab=tags");
  await expect(page).toHaveURL(new RegExp(`${path}\\?tab=tags$`));
  await page.goto("/shorty/app:v1");
  await expect(page).toHaveURL(new RegExp(`${path}/tag/v1$`));
});

test("a star is given by keyboard and finds its repository again", async ({ page }) => {
  await withTags(page, "stargazer", ["v1"]);
  await visit(page, "/repository");
  const star = page.getByRole("button", { name: "Star stargazer/app" });
  await expect(star).toHaveAttribute("aria-pressed", "false");
  await star.focus();
  await page.keyboard.press("Enter");
  await expect(star).toHaveAttribute("aria-pressed", "true");
  await page.getByTestId("starred-only").check();
  await expect(page).toHaveURL(/starred=1/);
  await expect(page.getByTestId("repositories-table").getByRole("row")).toHaveCount(2);
  await page.keyboard.press("Tab");
  await star.click();
  await expect(page.getByText("No starred repositories")).toBeVisible();
});

test("an application token is shown once, works, and is revoked", async ({ page }) => {
  const owner = person("tokens");
  await Session.of(owner);
  await signIn(page, owner);
  const settings = "/user/tokens?tab=Settings";
  await visit(page, settings);
  await page.locator("#token-title").fill("my laptop");
  await page.getByTestId("create-token").click();
  const token = known(await page.locator("#token-code").inputValue());
  expect(token.length).toBeGreaterThan(40);
  await expect(page.getByText("podman login").first()).toBeVisible();
  expect(await serious(page)).toEqual([]);
  await page.getByRole("link", { name: "I have copied it" }).click();
  await expect(page.getByTestId("tokens-table")).toContainText("my laptop");
  expect(await page.content()).not.toContain(token);
  const login = () =>
    page.request.get("/v2/auth", {
      headers: { authorization: `Basic ${Buffer.from(`$app:${token}`).toString("base64")}` },
    });
  expect((await login()).status()).toBe(200);
  await page.getByTestId("revoke-token").click();
  await confirm(page);
  expect((await login()).status()).toBe(401);
});

test("everything that is wrong with a form is told at once, each beside its field", async ({ page }) => {
  await page.goto("/createaccount");
  await page.locator("#email").fill("nowhere");
  await page.getByTestId("create-account-submit").click();
  for (const id of ["username", "email", "password", "confirm-password"]) {
    const field = page.locator(`#${id}`);
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await expect(page.locator(`#${id}-error`)).toBeVisible();
    expect(await field.getAttribute("aria-describedby")).toContain(`${id}-error`);
  }
  expect(await serious(page)).toEqual([]);
  await page.locator("#username").fill("somebody");
  await expect(page.locator("#username-error")).toBeHidden();
  await expect(page.locator("#username")).not.toHaveAttribute("aria-invalid");
});
