/** The live page in a real browser, on the real service and a real cluster: what a developer sees, and how they use it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../src/secret.ts';
import { CHROMIUM, lacks } from '../helpers/clients.ts';
import { connectCluster, fill } from '../helpers/cluster-client.ts';
import { startService, type RunningService } from '../helpers/service.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SOON = { timeout: 30_000 };
/** What is on its way, as the list has it, while the band shows stripes. */
const MOVING_ON_BAND = `(() => {
  const canvas = document.querySelector('.band canvas.motions');
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return data.some((byte) => byte > 0) ? document.querySelector('.moves')?.innerText ?? '' : '';
})()`;
const THEMES = ['light', 'dark'] as const;
const CALM = { timeout: 60_000 };

let stack: TestStack;
let service: RunningService;
let browser: Browser;
let page: Page;
/** What a browser complained about, on any page of the test: errors, broken policies, requests to elsewhere. */
const complaints: string[] = [];

/** Engines that make and remove bridges meanwhile are a change of networks to a browser, which ends what it is loading. */
const isOfOthers = (text: string): boolean => text.includes('ERR_NETWORK_CHANGED');

/** Goes to a page, or loads it again. */
async function load(go: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await go();
      return;
    } catch (error) {
      if (tries === 10 || !isOfOthers(String(error))) throw error;
    }
  }
}

async function openPage(options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'], ...options });
  const opened = await context.newPage();
  opened.on('console', (message) => {
    const isComplaint = message.type() === 'error' || message.type() === 'warning';
    if (isComplaint && !isOfOthers(message.text())) complaints.push(message.text());
  });
  opened.on('pageerror', (error) => complaints.push(error.message));
  opened.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== service.url && protocol !== 'data:') complaints.push(`request to ${request.url()}`);
  });
  await load(() => opened.goto(service.url));
  await opened.getByRole('heading', { level: 1, name: stack.name }).waitFor(SOON);
  return opened;
}

/** One that is closed after the test. */
async function openOtherPage(options: BrowserContextOptions): Promise<Page> {
  const opened = await openPage(options);
  onTestFinished(() => opened.context().close());
  return opened;
}

async function hasHeadline(text: RegExp, options = SOON): Promise<void> {
  await page.locator('.headline').filter({ hasText: text }).waitFor(options);
}

const card = (node: number, on = page) => on.getByRole('article', { name: `redis-${node}`, exact: true });

/** What axe-core finds wrong, in one line each. */
async function accessibilityProblems(on: Page): Promise<string[]> {
  await on.evaluate(AXE);
  return on.evaluate<string[]>(
    `axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
       violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`,
  );
}

function overflowOf(on: Page): Promise<number> {
  return on.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

describe.skipIf(lacks('chromium'))('the live page', () => {
  beforeAll(async () => {
    const launched = chromium.launch({
      executablePath: CHROMIUM,
      // Chromium's sandbox refuses to be root's.
      chromiumSandbox: process.getuid?.() !== 0,
      timeout: 120_000,
    });
    const prepare = async (): Promise<void> => {
      stack = await makeStack();
      await stack.must('up');
      service = await startService(stack);
    };
    [browser] = await Promise.all([launched, prepare()]);
    page = await openPage({ viewport: { width: 1280, height: 900 } });
  });
  afterAll(async () => {
    await browser?.close();
    await service?.stop();
    await stack?.remove();
  });
  beforeEach(() => {
    complaints.length = 0;
  });

  test('it shows the cluster: that it is whole, its three nodes, all slots', async () => {
    await hasHeadline(/whole/);
    await expect.poll(() => page.title(), CALM).toBe(`ok · ${stack.name}`);
    await expect.poll(() => page.locator('.totals').innerText(), CALM).toMatch(/3 of 3[^]*16,384 of 16,384/);
    for (const node of [1, 2, 3]) {
      const text = (): Promise<string> => card(node).innerText();
      await expect.poll(text, CALM).toMatch(/primary[^]*up[^]*ops\/s[^]*of 64 MiB[^]*33\.3 %[^]*7\.0/);
      expect(await text()).toContain(`${stack.ips[node - 1]}:6379`);
      expect(await text()).toContain(`127.0.0.1:${stack.ports[(node - 1) * 2]}`);
    }
    await page.getByText('All 3 ranges as a table').click();
    const rows = await page.getByRole('row').allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/)).slice(1)).toEqual([
      ['0-5460', '5,461', '1', 'redis-1'],
      ['5461-10922', '5,462', '2', 'redis-2'],
      ['10923-16383', '5,461', '3', 'redis-3'],
    ]);
    await page.getByText('All 3 ranges as a table').click();
    expect(complaints).toEqual([]);
  });

  test('a key tells its slot and its node at once, and which part of it chooses the slot', async () => {
    const field = page.getByLabel('Where is a key?');
    const answer = page.locator('.key-field output');
    await field.fill('user:1000');
    expect(await answer.innerText()).toMatch(/slot 1649[^]*redis-1/);
    await field.fill('{user:1000}.following');
    expect(await answer.innerText()).toMatch(/slot 1649/);
    expect(await answer.locator('mark').innerText()).toBe('user:1000');
    const left = await page.evaluate<number>("parseFloat(document.querySelector('.pin').style.left)");
    expect(left).toBeCloseTo((1649.5 / 16384) * 100, 1);
    await field.fill('');
    expect(await page.locator('.pin').count()).toBe(0);
  });

  test('the band is read with the keyboard, the mouse and a finger', async () => {
    const band = page.getByRole('slider', { name: 'Slots by owner' });
    await band.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('PageUp');
    expect(await band.getAttribute('aria-valuetext')).toMatch(
      /slot 5461, owner redis-2, one of 5,462 slots 5461-10922/,
    );
    await page.keyboard.press('ArrowLeft');
    expect(await band.getAttribute('aria-valuetext')).toMatch(/slot 5460, owner redis-1/);
    await page.keyboard.press('End');
    expect(await band.getAttribute('aria-valuenow')).toBe('16383');
    const { width = 0 } = (await band.boundingBox()) ?? {};
    await band.hover({ position: { x: width / 2, y: 20 } });
    expect(await page.locator('.readout').innerText()).toMatch(/slot 81\d\d[^]*redis-2/);

    const touched = await openOtherPage({ hasTouch: true, viewport: { width: 360, height: 800 } });
    const narrow = touched.getByRole('slider', { name: 'Slots by owner' });
    const box = await narrow.boundingBox();
    await narrow.tap({ position: { x: (box?.width ?? 0) * 0.9, y: 20 } });
    expect(await touched.locator('.readout').innerText()).toMatch(/slot 14\d\d\d[^]*redis-3/);
  });

  test('the snippets are tabs: arrow keys choose a language, a button copies the code, and the choice is remembered', async () => {
    const tabs = page.getByRole('tab');
    const languages = await tabs.allInnerTexts();
    expect(languages.length).toBeGreaterThan(1);
    await tabs.first().click();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    const last = page.getByRole('tab', { name: languages.at(-1) ?? '', exact: true });
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe(languages.at(-1));
    expect(await last.getAttribute('aria-selected')).toBe('true');
    const code = await page.getByRole('tabpanel').locator('pre').innerText();
    await page.getByRole('tabpanel').getByRole('button', { name: /copy/i }).click();
    await page
      .getByRole('status')
      .filter({ hasText: /copied/ })
      .first()
      .waitFor({ ...SOON, state: 'attached' });
    expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(code);
    await load(() => page.reload());
    expect(await last.getAttribute('aria-selected', SOON)).toBe('true');
    expect(complaints).toEqual([]);
  });

  test('it says how this host comes to the nodes; where clients need no map, a program has one for who asks', async ({
    skip,
  }) => {
    const { reach } = JSON.parse((await stack.must('status', '--json')).stdout) as { reach: string };
    skip(reach !== 'direct', "this engine's networks are on another machine, or in a VM");
    await page.getByText("Reach: the nodes' own addresses, without a map").waitFor(SOON);
    const code = page.getByRole('tabpanel').locator('pre');
    const [address, place] = [String(stack.ips[0]), String(stack.ports[0])];
    expect(await code.innerText()).toContain(address);
    expect(await code.innerText()).not.toContain(place);
    await page.getByLabel(/with a map/).check();
    expect(await code.innerText()).toContain(place);
    await page.getByLabel(/with a map/).uncheck();
    expect(await code.innerText()).not.toContain(place);
  });

  describe.each(THEMES)('in the %s theme', (colorScheme) => {
    const folder = (): string => process.env['SCREENSHOTS'] ?? join(stack.folder, 'screenshots');

    test.each([360, 1280, 2560])(
      '%d pixels wide, it is readable, accessible, and nothing sticks out',
      async (width) => {
        const themed = await openOtherPage({ colorScheme, viewport: { width, height: 900 } });
        await card(3, themed).waitFor(SOON);
        expect(await overflowOf(themed)).toBe(0);
        expect(await accessibilityProblems(themed)).toEqual([]);
        mkdirSync(folder(), { recursive: true });
        await themed.screenshot({ path: join(folder(), `page-${colorScheme}-${width}.png`), fullPage: true });
        expect(complaints).toEqual([]);
      },
    );
  });

  test('a node that stops is seen, with the command that mends it; after `up` all is well', async () => {
    await dockerOf(stack.engine).getContainer(stack.container(2)).kill();
    const killedAt = performance.now();
    await card(2).getByText('down', { exact: true }).waitFor(SOON);
    // Two seconds are promised. How busy this machine is, is no part of the promise.
    console.log(`a stopped node was seen after ${Math.round(performance.now() - killedAt)} ms`);
    await page
      .locator('.findings')
      .getByText(/redis-2/)
      .first()
      .waitFor(SOON);
    expect(await page.locator('.findings code').first().innerText()).toMatch(/^npx tsx manage\.ts /);
    expect(await page.title()).toBe(`failing · ${stack.name}`);
    expect(await accessibilityProblems(page)).toEqual([]);
    await stack.must('up');
    await hasHeadline(/whole/);
    await expect.poll(() => card(2).innerText(), CALM).toMatch(/up[^]*last failure[^]*ago/);
    expect(complaints).toEqual([]);
  });

  test('slots that are moved are seen moving', async () => {
    const client = await connectCluster(stack);
    await fill(client, 15_000);
    client.disconnect();
    const seen = new AbortController();
    const watch = async (): Promise<void> => {
      const either = /redis-1[^]*redis-3[^]*on the move|redis-3[^]*redis-1[^]*on the move/;
      try {
        await expect
          .poll(() => page.evaluate<string>(MOVING_ON_BAND), { timeout: 30_000, interval: 100 })
          .toMatch(either);
      } finally {
        seen.abort();
      }
    };
    const move = (from: number, to: number) =>
      stack.must('cluster', 'reshard', '--from', `redis-${from}`, '--to', `redis-${to}`, '--slots', '2500');
    // On a quick machine a move is over between two looks at the nodes: there and back until it has been seen.
    const thereAndBack = async (): Promise<void> => {
      while (!seen.signal.aborted) {
        await move(1, 3);
        await move(3, 1);
      }
    };
    await Promise.all([watch(), thereAndBack()]);
    await move(1, 3);
    await hasHeadline(/whole/);
    await page.locator('.legend').getByText('7,961 slots').waitFor(SOON);
    expect(complaints).toEqual([]);
  });

  test('the page says when the service is gone, shows how old its figures are, and goes on by itself', async () => {
    const { port } = service;
    await service.stop();
    await page.getByText('connection to the service is lost; trying again').last().waitFor(SOON);
    await page.getByText(/what is shown is from \d+s ago/).waitFor(SOON);
    expect(await page.title()).toBe(`connection lost · ${stack.name}`);
    expect(await accessibilityProblems(page)).toEqual([]);
    service = await startService(stack, { port });
    await page.locator('.link.is-live').waitFor(SOON);
    await hasHeadline(/whole/);
    // The browser writes down each try; nothing else is wrong.
    expect(complaints.filter((text) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY/.test(text))).toEqual(
      [],
    );
  });

  test('it tries again when it is answered with an error', async () => {
    const opened = await openOtherPage({});
    let answers = 0;
    let isFailing = true;
    await opened.route('**/events', (route) => {
      answers += 1;
      return isFailing ? route.fulfill({ status: 503 }) : route.continue();
    });
    await load(() => opened.reload());
    await opened.getByText('trying again').last().waitFor(SOON);
    await expect.poll(() => answers, CALM).toBeGreaterThanOrEqual(2);
    isFailing = false;
    await card(1, opened).waitFor(SOON);
  });

  test('where the service asks for its token, the browser asks once, and shows it for the events, too', async () => {
    const token = 'a token of more than sixteen characters'.replaceAll(' ', '-');
    const guarded = await startService(stack, { token: new Secret(token) });
    onTestFinished(() => guarded.stop());
    const context = await browser.newContext({ httpCredentials: { username: 'anybody', password: token } });
    onTestFinished(() => context.close());
    const opened = await context.newPage();
    await load(() => opened.goto(guarded.url));
    await card(3, opened).waitFor(SOON);
    const stranger = await browser.newContext();
    onTestFinished(() => stranger.close());
    const asked = await stranger.newPage();
    await expect(asked.goto(guarded.url)).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS');
  });

  test('a page of another build than the service loads itself anew, and not for ever', async () => {
    const opened = await openOtherPage({});
    let [loads, streams] = [0, 0];
    // Not its DOMContentLoaded: what loads itself anew at once never comes so far.
    opened.on('request', (request) => {
      if (request.isNavigationRequest()) loads += 1;
    });
    const hello = { build: 'of another page', snippets: [{ language: 'None', note: 'none', code: 'none' }] };
    await opened.route('**/events', (route) => {
      streams += 1;
      const body = `event: hello\ndata: ${JSON.stringify(hello)}\n\n`;
      return route.fulfill({ contentType: 'text/event-stream', body });
    });
    await load(() => opened.reload());
    await expect.poll(() => loads, SOON).toBe(2);
    await opened.getByRole('tab', { name: 'None' }).waitFor(SOON);
    await expect.poll(() => streams, SOON).toBeGreaterThan(2);
    expect(loads).toBe(2);
  });

  test('it is small, and needs nothing from elsewhere', async () => {
    const files = await Promise.all(
      ['/page/app.js', '/page/app.css'].map(async (path) => (await service.get(path)).text()),
    );
    expect(gzipSync(files.join('')).length).toBeLessThan(60_000);
  });
});
