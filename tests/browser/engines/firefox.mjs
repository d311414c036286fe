// Firefox by WebDriver BiDi. It ends when there are no more orders.
import puppeteer from 'puppeteer-core';
import { obey, say } from './orders.mjs';

const [, , executablePath, patienceMs] = process.argv;
const browser = await puppeteer.launch({
  browser: 'firefox', executablePath, headless: true, defaultViewport: null, timeout: Number(patienceMs),
  // The driver's own settings switch off what people have: pages that wait in the cache for Back.
  extraPrefsFirefox: {
    'fission.bfcacheInParent': true, 'browser.sessionhistory.max_total_viewers': -1, 'intl.accept_languages': 'en-GB',
  },
});
const contexts = new Map();
const pages = new Map();
let count = 0;

async function add(context) {
  const page = await contexts.get(context).newPage({ type: 'window' });
  const name = String(++count);
  pages.set(name, page);
  page.setDefaultTimeout(Number(patienceMs));
  const complain = (text) => say({ complaint: text, context });
  page.on('pageerror', (error) => complain(String((error && error.stack) || error)));
  page.on('console', (said) => {
    if (said.type() === 'error' || said.type() === 'assert') { complain(said.text()); }
  });
  return name;
}

const orders = {
  async version() { return browser.version(); },
  async context({ cookies }) {
    const context = await browser.createBrowserContext();
    await context.setCookie(...cookies);
    const name = String(++count);
    contexts.set(name, context);
    return name;
  },
  async page({ context }) { return add(context); },
  async go({ page, url }) { await pages.get(page).goto(url, { waitUntil: 'domcontentloaded' }); },
  async reload({ page }) { await pages.get(page).reload({ waitUntil: 'domcontentloaded' }); },
  async evaluate({ page, expression }) { return pages.get(page).evaluate(expression); },
  async type({ page, selector, text }) { await pages.get(page).type(selector, text); },
  async click({ page, selector }) { await pages.get(page).click(selector); },
  async front({ page }) { await pages.get(page).bringToFront(); },
  async resize({ page, width, height }) { await pages.get(page).setViewport({ width, height }); },
  async screenshot({ page, path }) { await pages.get(page).screenshot({ path }); },
  async close({ page }) { await pages.get(page).close(); pages.delete(page); },
  async clear() {
    for (const context of contexts.values()) { await context.close(); }
    contexts.clear();
    pages.clear();
  },
};

await obey(orders);
await browser.close();
