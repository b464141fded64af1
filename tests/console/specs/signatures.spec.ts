// What the console says of an image that cosign signed and attested: each generation in each place it knows, and the
// copy in another organization.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Session } from "../lib/api.ts";
import { Clients } from "../lib/clients.ts";
import { person } from "../lib/secrets.ts";
import { host, settings } from "../lib/settings.ts";
import { expect, test } from "../lib/watched.ts";

interface Way {
  version: string;
  /** Where signatures lie: under a tag of their own, or as referrers. */
  place: "tag" | "referrer";
  /** What keeps them off the public log, and there. */
  options: string[];
  environment?: Record<string, string>;
}

const quiet = ["--yes", "--tlog-upload=false"];
const ways: Way[] = [
  { version: "3.1.3", place: "referrer", options: [...quiet, "--use-signing-config=false"] },
  { version: "3.1.3", place: "tag", options: [...quiet, "--use-signing-config=false", "--new-bundle-format=false"] },
  { version: "2.6.5", place: "tag", options: quiet },
  {
    ...{ version: "2.6.5", place: "referrer", options: [...quiet, "--new-bundle-format"] },
    environment: { COSIGN_EXPERIMENTAL: "1" },
  },
  // asks no log unless its experiments are on
  { version: "1.13.6", place: "tag", options: [] },
];

// An everyday run has one cosign, whose referrer the story shows.
const shown = (way: Way) => settings.cosigns.has(way.version) && (settings.cosigns.size > 1 || way.place === "tag");

for (const way of ways.filter(shown)) {
  const name = `cosign-${way.version}-${way.place}`.replaceAll(".", "-");
  const organizations = [name, `${name}-copy`];
  test(`cosign ${way.version} by ${way.place}: the image and its copy bear the mark, and show what is attached`, async ({ page, context }) => {
    const clients = new Clients(name);
    const owner = person(`${name}-signer`);
    const session = await Session.of(owner);
    for (const organization of organizations) {
      await session.send("POST", "/api/v1/organization/", { name: organization });
    }
    const kept = join(settings.out, `${name}.json`);
    await session.keep(kept);
    await context.addCookies((JSON.parse(readFileSync(kept, "utf8")) as { cookies: Parameters<typeof context.addCookies>[0] }).cookies);
    await clients.pushImage(`${name}/app:1`, owner);
    // the page scrolls in a box of its own: as high as all of it
    await page.setViewportSize({ width: 1280, height: 2600 });
    await page.goto(`/repository/${name}/app?tab=tags`);
    await expect(page.getByTestId("tag-row-1")).toBeVisible();
    await expect(page.getByTestId("signed-mark")).toHaveCount(0);

    const cosign = (...args: string[]) => clients.run(settings.cosigns.get(way.version) ?? "", args, "", way.environment);
    await cosign("generate-key-pair");
    writeFileSync(join(clients.home, "predicate.json"), '{"checked":"by hand"}');
    const image = `${host}/${name}/app:1`;
    await cosign("sign", "--key", "cosign.key", ...way.options, image);
    await cosign("attest", "--key", "cosign.key", "--type", "custom", "--predicate", "predicate.json", ...way.options, image);
    const copy = `${host}/${name}-copy/app:1`;
    if (way.place === "tag") {
      await cosign("copy", image, copy);
    } else {
      // cosign takes along what lies under tags only
      const certs = ["--from-plain-http=false", "--to-plain-http=false", "--from-ca-file", settings.ca, "--to-ca-file", settings.ca];
      await clients.run(settings.oras, ["copy", "--recursive", image, copy, ...certs]);
    }

    for (const organization of organizations) {
      await page.goto(`/repository/${organization}/app?tab=tags`);
      const row = page.getByTestId("tag-row-1");
      await expect(row.getByTestId("signed-mark")).toBeVisible();
      // a signature's own tag is shown to whoever asks for it
      await expect(page.getByText(/sha256-[0-9a-f]{64}\.sig/)).toHaveCount(0);
      await row.getByRole("link", { name: "1", exact: true }).click();
      const attached = page.getByTestId("attached-table");
      await expect(attached.getByText("Signature", { exact: true }).first()).toBeVisible();
      await expect(attached.getByText("Attestation", { exact: true }).first()).toBeVisible();
      await page.screenshot({ path: `${settings.out}/${organization}.png`, fullPage: true });
    }
  });
}
