// Every screen in both themes and at both ends of what windows measure, judged and photographed.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { brightness, overflow, serious } from "../lib/judge.ts";
import { settings } from "../lib/settings.ts";
import { expect, test, visit } from "../lib/watched.ts";

type Visitor = "nobody" | "newcomer" | "curator" | "superuser";

interface Screen {
  name: string;
  path: string | (() => string);
  as: Visitor;
  status?: number;
  /** What has to be done on the page first. */
  then?: (page: Page) => Promise<void>;
  /** What has to be there to be read. */
  shows: string | RegExp;
}

const gallery = () => JSON.parse(readFileSync(join(settings.out, "gallery.json"), "utf8")) as { chart: string; long: string };
const organization = "/organization/gallery";
const easel = "/repository/gallery/easel";
const app = "/repository/gallery/app";

const screens: Screen[] = [
  { name: "sign-in", path: "/signin", as: "nobody", shows: "Create Account" },
  { name: "create-account", path: "/createaccount", as: "nobody", shows: "Create Account" },
  { name: "trust", path: "/trust", as: "nobody", shows: "ca.crt" },
  { name: "about", path: "/about", as: "nobody", shows: "0.1.0" },
  { name: "not-found", path: "/no-such-page", as: "nobody", status: 404, shows: /not found/i },
  { name: "public-repository", path: "/repository/gallery/empty?tab=tags", as: "nobody", shows: "empty" },

  { name: "organizations-first", path: "/organization", as: "newcomer", shows: "Create Organization" },
  { name: "repositories-first", path: "/repository", as: "newcomer", shows: /repositor/i },
  { name: "user-first", path: "/user/newcomer", as: "newcomer", shows: "newcomer" },
  { name: "forbidden", path: `${app}?tab=tags`, as: "newcomer", status: 404, shows: /not found|no access|may not/i },

  { name: "organizations", path: "/organization", as: "curator", shows: "gallery" },
  { name: "organization-repositories", path: organization, as: "curator", shows: "easel" },
  { name: "organization-teams", path: `${organization}?tab=Teamsandmembership`, as: "curator", shows: "builders" },
  { name: "organization-robots", path: `${organization}?tab=Robotaccounts`, as: "curator", shows: "gallery+ci" },
  { name: "organization-permissions", path: `${organization}?tab=Defaultpermissions`, as: "curator", shows: /permission/i },
  { name: "organization-logs", path: `${organization}?tab=Logs`, as: "curator", shows: /easel/ },
  { name: "organization-settings", path: `${organization}?tab=Settings`, as: "curator", shows: /time machine|expir/i },
  { name: "organization-empty", path: "/organization/nothing-here", as: "curator", shows: "Create repository" },
  { name: "organization-long", path: `/organization/${"organization".repeat(20)}?tab=Settings`, as: "curator", shows: "Delete organization" },
  { name: "robots-empty", path: "/organization/nothing-here?tab=Robotaccounts", as: "curator", shows: "Create robot account" },
  {
    ...{ name: "create-organization", path: "/organization", as: "curator", shows: "Create Organization" },
    then: async (page) => {
      await page.getByTestId("create-menu-toggle").click();
      await page.getByRole("link", { name: "New Organization" }).click();
      await expect(page.locator("#create-org-name-input")).toBeVisible();
    },
  },
  {
    ...{ name: "robot-credentials", path: `${organization}?tab=Robotaccounts`, as: "curator", shows: "Kubernetes" },
    then: (page) => page.getByRole("link", { name: "gallery+ci", exact: true }).click(),
  },
  {
    ...{ name: "robot-secret", path: `${organization}?tab=Robotaccounts`, as: "curator", shows: "gallery-ci-pull-secret" },
    then: async (page) => {
      await page.getByRole("link", { name: "gallery+ci", exact: true }).click();
      await page.getByRole("link", { name: "Kubernetes", exact: true }).click();
    },
  },
  {
    ...{ name: "create-robot", path: `${organization}?tab=Robotaccounts`, as: "curator", shows: "Repository permissions" },
    then: (page) => page.getByTestId("create-robot-account").click(),
  },
  {
    ...{ name: "team", path: `${organization}?tab=Teamsandmembership`, as: "curator", shows: "gallery+ci" },
    then: (page) => page.getByRole("link", { name: "builders", exact: true }).click(),
  },
  {
    ...{ name: "delete-tag", path: `${app}?tab=tags`, as: "curator", shows: /delete/i },
    then: (page) => page.getByTestId("delete-tag-latest").click(),
  },
  { name: "delete-tags", path: `${app}/-/delete-tags?tag=1&tag=odd&tag=no-such-tag`, as: "curator", shows: "Delete 2 tags?" },
  { name: "expire-tags", path: `${app}/-/expire-tags?tag=1&tag=odd`, as: "curator", shows: "Change expiration of 2 tags" },
  { name: "protect-tag", path: `${app}/-/protect-tag?tag=1`, as: "curator", shows: "Make tag 1 immutable?" },
  {
    ...{ name: "tag-menu", path: `${app}?tab=tags`, as: "curator", shows: "Edit labels" },
    then: (page) => page.getByTestId("tag-menu-1").click(),
  },
  { name: "starred-none", path: "/repository?starred=1", as: "curator", shows: "No starred repositories" },
  { name: "create-repository", path: "/new", as: "curator", shows: "Create repository" },
  {
    ...{ name: "menu-open", path: "/organization", as: "curator", shows: "New Organization" },
    then: (page) => page.getByTestId("create-menu-toggle").click(),
  },
  { name: "user-settings", path: "/user/curator?tab=Settings", as: "curator", shows: /password/i },
  { name: "user-robots", path: "/user/curator?tab=Robotaccounts", as: "curator", shows: "Create robot account" },

  { name: "repositories", path: "/repository", as: "curator", shows: "easel" },
  { name: "repository-information", path: `${easel}?tab=information`, as: "curator", shows: "easel" },
  { name: "tags", path: `${easel}?tab=tags`, as: "curator", shows: "0.2.0" },
  { name: "tags-of-every-kind", path: `${app}?tab=tags`, as: "curator", shows: "odd" },
  { name: "tags-long", path: () => `/repository/gallery/${gallery().long}?tab=tags`, as: "curator", shows: "10.20.30" },
  { name: "tags-none", path: "/repository/gallery/empty?tab=tags", as: "curator", shows: /push/i },
  { name: "tags-filtered", path: `${app}?tab=tags&search=no-such-tag`, as: "curator", shows: /no tag|match/i },
  { name: "tag-chart", path: `${easel}/tag/0.2.0`, as: "curator", shows: "A chart of the tests" },
  { name: "tag-image", path: `${app}/tag/1`, as: "curator", shows: "podman pull" },
  { name: "tag-index", path: `${app}/tag/all`, as: "curator", shows: /amd64/ },
  { name: "tag-other", path: `${app}/tag/odd`, as: "curator", shows: "oras pull" },
  { name: "manifest", path: () => `${easel}/manifest/${gallery().chart}`, as: "curator", shows: "sha256:" },
  { name: "tag-history", path: `${app}?tab=history`, as: "curator", shows: "gone" },
  { name: "repository-logs", path: `${app}?tab=logs`, as: "curator", shows: /push|tag/i },
  { name: "repository-settings", path: `${app}?tab=settings`, as: "curator", shows: /visibility/i },

  {
    ...{ name: "users", path: "/superuser/users", as: "superuser", shows: "Reset password" },
    then: (page) => page.getByTestId("user-menu-newcomer").click(),
  },
  { name: "create-user", path: "/superuser/users?create=1", as: "superuser", shows: "A password is generated" },
  { name: "disable-user", path: "/superuser/users?disable=newcomer", as: "superuser", shows: "Disable the account newcomer?" },
  {
    ...{ name: "organizations-all", path: "/organization?all=1&search=gallery", as: "superuser", shows: "Take over" },
    then: (page) => page.getByTestId("organization-menu-gallery").click(),
  },
  { name: "rename-organization", path: "/superuser/organizations/gallery/rename", as: "superuser", shows: "New name" },
  { name: "usage-logs", path: "/usage-logs?performer=curator", as: "superuser", shows: "curator" },
];

/** In between it is tightest where a wider layout begins: at 62, 75 and 100 rem. */
const between = [1000, 1210, 1610];
const widths = [
  { width: 360, height: 740 },
  { width: 1920, height: 1080 },
];

for (const as of ["nobody", "newcomer", "curator", "superuser"] as const) {
  test.describe(as, () => {
    if (as !== "nobody") test.use({ storageState: join(settings.out, `${as}.json`) });

    for (const screen of screens.filter((screen) => screen.as === as)) {
      test(`${screen.name} can be read and used in every window`, async ({ page, watch }) => {
        if (screen.status) watch.allow(new RegExp(`status of ${screen.status}`));
        const path = typeof screen.path === "string" ? screen.path : screen.path();
        await visit(page, path, screen.status);
        await screen.then?.(page);
        await expect(page.getByText(screen.shows).filter({ visible: true }).first()).toBeVisible();
        await expect(page).toHaveTitle(/\S+ • \S+/);
        for (const width of between) {
          await page.setViewportSize({ width, height: 800 });
          expect.soft(await overflow(page), `${screen.name}-${width}: as wide as the window`).toEqual([]);
        }
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          for (const size of widths) {
            await page.setViewportSize(size);
            expect.soft(await overflow(page), `${screen.name}-${size.width}: as wide as the window`).toEqual([]);
            // the page scrolls in a box of its own: the window grows until all of it is on the picture
            const content = await page.locator("main").first().evaluate((main) => main.scrollHeight);
            await page.setViewportSize({ ...size, height: Math.max(size.height, content + 200) });
            const look = `${screen.name}-${size.width}-${colorScheme}`;
            // colours change gradually: at once, for the picture
            await page.screenshot({ path: join(settings.out, "screens", `${look}.png`), fullPage: true, animations: "disabled" });
            expect.soft(await serious(page), `${look}: axe-core`).toEqual([]);
            const bright = await brightness(page);
            expect.soft(colorScheme === "light" ? bright : 1 - bright, `${look}: the theme`).toBeGreaterThan(0.7);
          }
        }
      });
    }
  });
}

test("a theme that was chosen is kept, whatever the system prefers", async ({ page }) => {
  const choose = async (theme: string) => {
    await page.locator("#theme-menu summary").click();
    await page.locator("#theme-menu").getByRole("radio", { name: theme }).click();
  };
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/about");
  await choose("Dark");
  await expect.poll(() => brightness(page)).toBeLessThan(0.3);
  await page.goto("/createaccount");
  await expect.poll(() => brightness(page)).toBeLessThan(0.3);
  await page.goto("/about");
  await choose("Auto");
  await expect.poll(() => brightness(page)).toBeGreaterThan(0.8);
});
