// What superusers do with accounts and organizations of others, what these notice of it, and the log that tells it.
import type { Page } from "@playwright/test";

import { confirm, createOrganization, signIn } from "../lib/account.ts";
import { overflow, serious } from "../lib/judge.ts";
import { known, superuser } from "../lib/secrets.ts";
import { expect, test, visit } from "../lib/watched.ts";

const NAME = "minted";

/** Chooses from the menu of the account. */
async function choose(page: Page, deed: string): Promise<void> {
  await visit(page, `/superuser/users?search=${NAME}`);
  await page.getByTestId(`user-menu-${NAME}`).click();
  await page.getByTestId(`user-row-${NAME}`).getByRole("link", { name: deed, exact: true }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
}

/** Chooses from the menu of an organization. */
async function chooseFor(page: Page, organization: string, deed: string): Promise<void> {
  await visit(page, `/organization?all=1&search=${organization}`);
  await page.getByTestId(`organization-menu-${organization}`).click();
  await page.getByRole("row", { name: organization }).getByRole("link", { name: deed, exact: true }).click();
}

test("a superuser rules accounts and organizations, and the log tells each deed", async ({ page, browser, watch }) => {
  watch.allow(/status of (404|422)/);
  const root = superuser();
  await signIn(page, root);
  const context = await browser.newContext();
  await watch.over(context);
  const other = await context.newPage();

  const password = await test.step("an account is made, and its password is shown once", async () => {
    await page.getByRole("link", { name: "Users" }).click();
    await page.getByTestId("create-user").click();
    await page.locator("#new-username").fill(NAME);
    await page.locator("#new-email").fill(`${NAME}@example.com`);
    await page.getByTestId("confirm").click();
    const password = known(await page.locator("#made-password").inputValue());
    expect(await serious(page)).toEqual([]);
    await page.getByRole("link", { name: "I have copied it" }).click();
    await expect(page.getByTestId(`user-row-${NAME}`)).toContainText("Enabled");
    expect(await page.content()).not.toContain(password);
    return password;
  });
  const minted = { username: NAME, email: "", password };

  await test.step("it signs in with that, and finds no page of superusers", async () => {
    await signIn(other, minted);
    await expect(other.getByRole("link", { name: "Usage Logs" })).toHaveCount(0);
    for (const path of ["/superuser/users", "/usage-logs", "/superuser/organizations/library/take"]) {
      await visit(other, path, 404);
      await expect(other.getByTestId("problem")).toHaveText("Not found");
      await expect(other.getByText("This page does not exist, or you have no right to see it.")).toBeVisible();
    }
    await createOrganization(other, "mint");
  });

  await test.step("it gets another address", async () => {
    await choose(page, "Change");
    await page.locator("#changed-email").fill("nowhere");
    await page.locator("#changed-email").evaluate((field) => ((field as HTMLInputElement).type = "text"));
    await page.getByTestId("confirm").click();
    await expect(page.locator("#changed-email-error")).toBeVisible();
    await page.locator("#changed-email").fill("coin@example.com");
    await confirm(page);
    await expect(page.getByTestId(`user-row-${NAME}`)).toContainText("coin@example.com");
  });

  await test.step("it is disabled: signed out, and told so when it comes back", async () => {
    await choose(page, "Disable");
    await confirm(page);
    await expect(page.getByTestId(`user-row-${NAME}`)).toContainText("Disabled");
    await other.goto("/organization/mint?tab=Settings");
    await expect(other).toHaveURL(/\/signin/);
    await other.locator("#pf-login-username-id").fill(NAME);
    await other.locator("#pf-login-password-id").fill(password);
    await other.locator("#pf-login-password-id").press("Enter");
    await expect(other.getByTestId("form-error")).toContainText("This user has been disabled. Please contact your administrator.");
  });

  await test.step("it is enabled, and signs in again", async () => {
    await choose(page, "Enable");
    await confirm(page);
    await signIn(other, minted);
  });

  await test.step("its organization is taken over and renamed", async () => {
    await chooseFor(page, "mint", "Take over");
    await confirm(page);
    await expect(page.getByTestId("flash")).toContainText("You are an owner of mint now");
    await expect(page.getByRole("main").getByRole("link", { name: "Settings" })).toBeVisible();
    await chooseFor(page, "mint", "Rename");
    await page.locator("#organization-name").fill("mint-works");
    await confirm(page);
    await visit(other, "/organization/mint-works");
  });

  await test.step("it is deleted, which ends its session", async () => {
    await choose(page, "Delete");
    await confirm(page);
    await expect(page.getByTestId(`user-row-${NAME}`)).toHaveCount(0);
    await other.goto("/organization");
    await expect(other).toHaveURL(/\/signin/);
  });

  await test.step("the log tells each deed", async () => {
    await page.getByRole("link", { name: "Usage Logs" }).click();
    await page.locator("#log-performer").fill(root.username);
    await page.locator("#log-performer").press("Enter");
    await expect(page).toHaveURL(/performer=/);
    const log = page.getByTestId("logs-table");
    for (const deed of [
      `Created the account ${NAME}`,
      "Changed the e-mail address to coin@example.com",
      `Disabled the account ${NAME}`,
      `Enabled the account ${NAME}`,
      "Took over the namespace mint",
      "Renamed the organization mint to mint-works",
      `Deleted the account ${NAME}`,
    ]) {
      await expect(log.getByRole("row").filter({ hasText: deed })).toHaveCount(1);
    }
    expect(await serious(page)).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await overflow(page)).toEqual([]);
  });
  await context.close();
});
