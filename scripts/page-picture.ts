/**
 * `tsx scripts/page-picture.ts http://127.0.0.1:8000 > docs/page.png`: a picture of the live page of a service that runs, after
 * it has been watched for a while, so that there is something to see in the sparklines.
 */
import { chromium } from 'playwright-core';

const WATCHED_MS = 30_000;

async function picture(url: string): Promise<Buffer> {
  // In a container there is only root, for whom Chromium has no sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    await page.goto(url);
    await page.getByLabel('Where is a key?').fill('cart:{user:1000}');
    await page.waitForTimeout(WATCHED_MS);
    return await page.screenshot();
  } finally {
    await browser.close();
  }
}

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error('Usage: tsx scripts/page-picture.ts URL > docs/page.png');
void picture(url).then((png) => process.stdout.write(png));
