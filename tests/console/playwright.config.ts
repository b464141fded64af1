// How the browser is started, and where its findings go. What is tested stands in specs/.
import { defineConfig } from "@playwright/test";

import { settings } from "./lib/settings.ts";

export default defineConfig({
  testDir: "specs",
  outputDir: `${settings.out}/failed`,
  fullyParallel: true,
  forbidOnly: true,
  retries: 0,
  workers: 2,
  timeout: 120_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: `${settings.out}/report.json` }]],
  use: {
    baseURL: settings.url,
    locale: "en-GB",
    actionTimeout: 15_000,
    // A trace shows what was typed, so it is made of failures only and is never a log.
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: settings.browser,
      // The authority is trusted by the store in this home, as a person's browser does it.
      env: { ...(process.env as Record<string, string>), HOME: settings.home, XDG_CONFIG_HOME: `${settings.home}/.config` },
      args: ["--no-proxy-server"],
    },
  },
  projects: [
    { name: "content", testMatch: "content.ts" },
    { name: "specs", testMatch: "*.spec.ts", dependencies: ["content"] },
  ],
});
