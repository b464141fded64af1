// What a person does on the console again and again: an account, a session, an organization.
import { type Page, expect } from "@playwright/test";

import type { Person } from "./secrets.ts";

/** Fills the form of a new account and sends it off. */
export async function createAccount(page: Page, who: Person): Promise<void> {
  await page.goto("/createaccount");
  await page.locator("#username").fill(who.username);
  await page.locator("#email").fill(who.email);
  await page.locator("#password").fill(who.password);
  await page.locator("#confirm-password").fill(who.password);
  await page.getByTestId("create-account-submit").click();
  await expect(page).toHaveURL(/\/organization$/);
}

export async function signIn(page: Page, who: Person): Promise<void> {
  await page.goto("/signin");
  await page.locator("#pf-login-username-id").fill(who.username);
  await page.locator("#pf-login-password-id").fill(who.password);
  await page.locator("#pf-login-password-id").press("Enter");
  await expect(page).toHaveURL(/\/organization$/);
}

/** From the bar's + menu to an organization that exists. */
export async function createOrganization(page: Page, name: string, email = ""): Promise<void> {
  await page.getByTestId("create-menu-toggle").click();
  await page.getByRole("link", { name: "New Organization" }).click();
  await expect(page.getByRole("heading", { name: "Create Organization" })).toBeVisible();
  await page.locator("#create-org-name-input").fill(name);
  if (email) await page.locator("#create-org-email-input").fill(email);
  await page.locator("#create-org-confirm").click();
  await expect(page.locator("#create-org-confirm")).toBeHidden();
}

/** Says yes where the console asks once more, and waits until it says what came of it. */
export async function confirm(page: Page): Promise<void> {
  await page.getByTestId("confirm").click();
  await expect(page.getByTestId("flash")).toBeVisible();
}
