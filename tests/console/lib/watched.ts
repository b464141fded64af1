// A test whose pages are watched: errors on the console, uncaught exceptions, violations of the content security
// policy, failed requests and answers of 500 and above fail it, whatever else it looks at.
import { type BrowserContext, type Page, expect, test as base } from "@playwright/test";

export interface Watch {
  /** What was seen so far. */
  seen: string[];
  /** This is expected: the test itself asked for it. */
  allow(what: RegExp): void;
  /** Watches the pages of somebody else, too. */
  over(context: BrowserContext): Promise<void>;
}

export const test = base.extend<{ watch: Watch }>({
  watch: [
    async ({ context }, use) => {
      const seen: string[] = [];
      const allowed: RegExp[] = [];
      const over = async (context: BrowserContext) => {
        await context.addInitScript(() => {
          window.addEventListener("securitypolicyviolation", (violation) => {
            console.error(`policy: ${violation.effectiveDirective} stopped ${violation.blockedURI} ${violation.sample}`);
          });
        });
        context.on("console", (message) => {
          if (["error", "warning"].includes(message.type())) {
            seen.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
          }
        });
        context.on("weberror", (error) => seen.push(`uncaught: ${error.error().message}`));
        context.on("response", (response) => {
          if (response.status() >= 500) seen.push(`${response.status()}: ${response.url()}`);
        });
        context.on("request", (request) => {
          if (["cspreport", "csp_report", "report"].includes(request.resourceType())) seen.push(`report: ${request.postData()}`);
        });
        context.on("requestfailed", (request) => {
          // a page that is left takes its requests with it, and a download is not a page
          if (request.failure()?.errorText !== "net::ERR_ABORTED") {
            seen.push(`failed: ${request.url()} ${request.failure()?.errorText}`);
          }
        });
      };
      await over(context);
      await use({ seen, allow: (what) => allowed.push(what), over });
      expect(seen.filter((line) => !allowed.some((what) => what.test(line)))).toEqual([]);
    },
    { auto: true },
  ],
});

/** The page and everything on it was answered well by the registry. */
export async function visit(page: Page, path: string, status = 200): Promise<void> {
  const answer = await page.goto(path);
  expect(answer?.status(), `${path} answered`).toBe(status);
}

export { expect };
