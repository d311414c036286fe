// jsdom: a browser's objects without a browser, and without EventSource and workers. Its pages run their own scripts.
import { CookieJar, JSDOM, VirtualConsole } from 'jsdom';
import { obey, say } from './orders.mjs';

const pages = [];

await obey({
  async open({ url, cookies }) {
    const cookieJar = new CookieJar();
    for (const [name, value] of Object.entries(cookies)) { await cookieJar.setCookie(`${name}=${value}; Path=/`, url); }
    const virtualConsole = new VirtualConsole();
    virtualConsole.on('jsdomError', (error) => say({ complaint: String(error.detail || error), context: 'jsdom' }));
    virtualConsole.on('error', (said) => say({ complaint: String(said), context: 'jsdom' }));
    pages.push(await JSDOM.fromURL(url, {
      runScripts: 'dangerously', resources: 'usable', pretendToBeVisual: true, cookieJar, virtualConsole,
    }));
  },
  async evaluate({ expression }) { return pages[pages.length - 1].window.eval(expression); },
  async type({ selector, text }) {
    const { document, Event, KeyboardEvent } = pages[pages.length - 1].window;
    const field = document.querySelector(selector);
    field.focus();
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    const enter = new KeyboardEvent('keydown', { key: 'Enter', keyCode: 13, bubbles: true, cancelable: true });
    field.dispatchEvent(enter);
  },
});
for (const page of pages) { page.window.close(); }
