// The same story where JavaScript is switched off: plain forms and links carry it.
import type { Page } from "@playwright/test";

import { confirm, createAccount, createOrganization } from "../lib/account.ts";
import { Clients } from "../lib/clients.ts";
import { person } from "../lib/secrets.ts";
import { host, settings } from "../lib/settings.ts";
import { expect, test } from "../lib/watched.ts";

test.use({ javaScriptEnabled: false });

test("account, organization, chart, tags page, deletion and restoration without any script", async ({ page }) => {
  const clients = new Clients("without-script");
  const owner = person("plain");
  await createAccount(page, owner);
  await createOrganization(page, "plain-charts");
  const archive = await clients.chart("notes", "0.1.0");
  await clients.helmLogin(owner);
  const digest = await clients.helmPush(archive, "plain-charts");

  await page.goto("/organization");
  await page.getByRole("link", { name: "plain-charts", exact: true }).click();
  await page.getByRole("link", { name: /^(plain-charts\/)?notes$/ }).click();
  await page.getByRole("main").getByRole("link", { name: "Tags", exact: true }).click();
  const row = page.getByTestId("tag-row-0.1.0");
  await expect(row.getByTestId("kind-badge")).toHaveText(/helm chart/i);
  await page.screenshot({ path: `${settings.out}/without-script-tags.png`, fullPage: true });

  await row.getByRole("link", { name: "0.1.0", exact: true }).click();
  const main = page.getByRole("main");
  await expect(main.getByText(digest).first()).toBeVisible();
  await expect(main.getByText(`helm pull oci://${host}/plain-charts/notes --version 0.1.0`).first()).toBeVisible();
  await page.screenshot({ path: `${settings.out}/without-script-tag.png`, fullPage: true });

  await page.goto("/repository/plain-charts/notes?tab=tags");
  await page.getByTestId("delete-tag-0.1.0").click();
  await confirm(page);
  await expect(page.getByTestId("tag-row-0.1.0")).toBeHidden();
  await page.goto("/repository/plain-charts/notes?tab=history");
  await page.getByTestId("restore-0.1.0").first().click();
  await confirm(page);
  await page.goto("/repository/plain-charts/notes?tab=tags");
  await expect(page.getByTestId("tag-row-0.1.0")).toBeVisible();
});

test("what is wrong with a form stands beside its fields", async ({ page, watch }) => {
  watch.allow(/status of 422/);
  await page.goto("/createaccount");
  const send = async (username: string, password: string, again: string) => {
    await page.locator("#username").fill(username);
    await page.locator("#email").fill("ada@example.com");
    await page.locator("#password").fill(password);
    await page.locator("#confirm-password").fill(again);
    await page.getByTestId("create-account-submit").click();
  };
  await send("ada", "long-enough", "another-one");
  await isWrong(page, "#confirm-password");
  await expect(page.locator("#password"), "a password is never sent back").toHaveValue("");
  await send("Not A Name", "long-enough", "long-enough");
  await isWrong(page, "#username");
  await expect(page.locator("#username")).toHaveValue("Not A Name");
});

/** The field says that it is wrong, and leads to a text that says what is wrong. */
async function isWrong(page: Page, field: string): Promise<void> {
  await expect(page.locator(field)).toHaveAttribute("aria-invalid", "true");
  await expect(page.locator(`${field}-error`)).toBeVisible();
  expect(await page.locator(field).getAttribute("aria-describedby")).toContain(`${field.slice(1)}-error`);
}
