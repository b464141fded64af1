// The documented workflow in one piece: from an account to a chart that is signed, pulled by a pod's image Secret's
// robot, deleted and restored.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { confirm, createAccount, createOrganization } from "../lib/account.ts";
import { Clients } from "../lib/clients.ts";
import { knownLogin, person } from "../lib/secrets.ts";
import { pullWithSecret } from "../lib/pull.ts";
import { host, settings } from "../lib/settings.ts";
import { expect, test } from "../lib/watched.ts";

const CHART = "helm/etherpad";
const VERSION = "0.0.4";

async function openTags(page: Page): Promise<void> {
  await page.goto("/organization");
  await page.getByRole("link", { name: "helm", exact: true }).click();
  await page.getByRole("link", { name: /^(helm\/)?etherpad$/ }).click();
  await page.getByRole("main").getByRole("link", { name: "Tags", exact: true }).click();
  await expect(page).toHaveURL(/\/repository\/helm\/etherpad\?tab=tags/);
}

test("from a new account to a signed chart that was deleted and restored", async ({ page, context }) => {
  const clients = new Clients("story");
  const owner = person("amelie");
  const picture = (name: string) => page.screenshot({ path: `${settings.out}/story-${name}.png`, fullPage: true });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: settings.url });

  await test.step("create an account", async () => {
    await page.goto("/");
    await page.getByRole("link", { name: "Create Account" }).click();
    await expect(page).toHaveURL(/\/createaccount/);
    await createAccount(page, owner);
  });

  await test.step("create the organization helm", async () => {
    await createOrganization(page, "helm", "helm@example.com");
    await expect(page.getByText("helm", { exact: true }).first()).toBeVisible();
  });

  const digest = await test.step("push the chart", async () => {
    const archive = await clients.chart("etherpad", VERSION);
    await clients.helmLogin(owner);
    return clients.helmPush(archive, "helm");
  });

  await test.step("the chart stands on the tags page with type, version and command", async () => {
    await openTags(page);
    const row = page.getByTestId("tags-table").getByTestId(`tag-row-${VERSION}`);
    await expect(row.getByRole("link", { name: VERSION, exact: true })).toBeVisible();
    await expect(row.getByTestId("kind-badge")).toHaveText(/helm chart/i);
    await expect(row).toContainText(digest.slice(0, "sha256:".length + 12));
    await expect(row.getByTestId("signed-mark")).toBeHidden();
    await row.getByTestId("pull-command").first().click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain(`helm pull oci://${host}/${CHART} --version ${VERSION}`);
    // the command works as it stands, beside the file that the console offers
    await clients.run("curl", ["--silent", "--fail", "--cacert", settings.ca, "--remote-name", `${settings.url}/ca.crt`]);
    const pulled = await clients.shell(copied);
    expect(pulled.text).toContain(digest);
    expect(pulled.code).toBe(0);
    await picture("tags");
  });

  await test.step("its page shows what Chart.yaml and the README say", async () => {
    await page.getByTestId(`tag-row-${VERSION}`).getByRole("link", { name: VERSION, exact: true }).click();
    const main = page.getByRole("main");
    for (const text of ["A chart of the tests", "1.8.4", "How to use it.", digest]) {
      await expect(main.getByText(text).first()).toBeVisible();
    }
    await picture("chart");
  });

  await test.step("sign it", async () => {
    const keys = await clients.cosignKeys();
    clients.dockerLogin(owner);
    await clients.cosignSign(keys.key, `${host}/${CHART}@${digest}`);
    await openTags(page);
    await expect(page.getByTestId(`tag-row-${VERSION}`).getByTestId("signed-mark")).toBeVisible();
    await picture("signed");
  });

  await clients.pushImage("helm/app:1", owner);
  const secret = await test.step("create a robot and download its Kubernetes Secret", async () => {
    await page.goto("/organization/helm?tab=Robotaccounts");
    await page.getByRole("link", { name: "Create robot account" }).or(page.getByRole("button", { name: "Create robot account" })).first().click();
    await page.locator("#robot-name-input").fill("puller");
    await page.locator("#create-robot-confirm").click();
    await expect(page.getByText("helm+puller").first()).toBeVisible();
    await page.goto("/repository/helm/app?tab=settings");
    await permit(page, "helm+puller", "read");
    await page.goto("/organization/helm?tab=Robotaccounts");
    await page.getByRole("link", { name: "helm+puller", exact: true }).click();
    await page.getByRole("link", { name: "Kubernetes", exact: true }).or(page.getByRole("tab", { name: /Kubernetes/ })).first().click();
    const download = page.waitForEvent("download");
    await page.getByTestId("download-kubernetes-secret").click();
    const file = join(clients.home, "secret.yaml");
    await (await download).saveAs(file);
    const found = /\.dockerconfigjson: ['"]?([A-Za-z0-9+/=]+)/.exec(readFileSync(file, "utf8"))?.[1];
    expect(found, "the Secret has a .dockerconfigjson").toBeTruthy();
    const config = JSON.parse(Buffer.from(found ?? "", "base64").toString()) as { auths: Record<string, { auth: string }> };
    const [username = "", password = ""] = Buffer.from(config.auths[host]?.auth ?? "", "base64").toString().split(":");
    expect(username).toBe("helm+puller");
    knownLogin(username, password);
    return file;
  });

  await test.step("the image is pulled with it", () => pullWithSecret(clients, secret, `${host}/helm/app:1`));

  await test.step("delete the tag", async () => {
    await openTags(page);
    await page.getByTestId(`delete-tag-${VERSION}`).click();
    await confirm(page);
    await expect(page.getByTestId(`tag-row-${VERSION}`)).toBeHidden();
    const gone = await clients.helmPull(CHART, VERSION);
    expect(gone.code, gone.text).not.toBe(0);
    await picture("deleted");
  });

  await test.step("restore it", async () => {
    await page.getByRole("main").getByRole("link", { name: "Tag history" }).click();
    await page.getByTestId(`restore-${VERSION}`).first().click();
    await confirm(page);
    await page.goto(`/repository/${CHART}?tab=tags`);
    await expect(page.getByTestId(`tag-row-${VERSION}`).getByTestId("signed-mark")).toBeVisible();
    const back = await clients.helmPull(CHART, VERSION);
    expect(back.text).toContain(digest);
    await page.goto(`/repository/${CHART}?tab=history`);
    await picture("history");
  });
});

/** Gives somebody a role on the repository whose settings are shown. */
async function permit(page: Page, who: string, role: string): Promise<void> {
  await page.locator("#permission-subject-input").fill(who);
  await page.locator("#permission-role-select").selectOption(role);
  await page.locator("#permission-add").click();
  await expect(page.getByRole("main").getByText(who).first()).toBeVisible();
}
