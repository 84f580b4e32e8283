// Looks at a page with Chromium, as people with different screens do:
//
//     node look.js CHROMIUM AXE URL FOLDER
//
// AXE is axe.min.js, FOLDER is where screenshots are left. Prints "pass NAME" or "fail NAME"
// for each check, and on standard error what was found. Chromium is steered through pipes
// (--remote-debugging-pipe), so no port is opened.
'use strict';
const { spawn } = require('child_process');
const { readFileSync, writeFileSync } = require('fs');

const [chromium, axe, url, folder] = process.argv.slice(2);
const looks = [
  { name: 'light', width: 1400, height: 900, scheme: 'light' },
  { name: 'dark', width: 1400, height: 900, scheme: 'dark' },
  { name: 'phone', width: 390, height: 844, scheme: 'light' },
  { name: 'wall', width: 2560, height: 1440, scheme: 'dark' },
];

const browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
  '--hide-scrollbars', `--user-data-dir=${folder}/chromium`, '--remote-debugging-pipe'],
{ stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const waiting = new Map();
const complaints = [];
let last = 0;
let session;
let text = '';

function send(method, params = {}) {
  const id = ++last;
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: session })}\0`);
  return new Promise((done, failed) => waiting.set(id, { done, failed, method }));
}

function take(message) {
  if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error')
    complaints.push(message.params.entry.text);
  if (message.method === 'Runtime.exceptionThrown')
    complaints.push(message.params.exceptionDetails.text);
  const call = waiting.get(message.id);
  if (!call) return;
  waiting.delete(message.id);
  if (message.error) call.failed(new Error(`${call.method}: ${message.error.message}`));
  else call.done(message.result);
}

browser.stdio[4].on('data', (data) => {
  text += data;
  const messages = text.split('\0');
  text = messages.pop();
  messages.forEach((message) => take(JSON.parse(message)));
});

async function evaluate(expression) {
  const { result, exceptionDetails } = await send('Runtime.evaluate',
    { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
  return result.value;
}

function check(good, name, found) {
  console.log(`${good ? 'pass' : 'fail'} ${name}`);
  if (!good) console.error(`${name}: ${JSON.stringify(found, null, 1)}`);
}

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

async function load() {
  await send('Page.navigate', { url });
  while (await evaluate('document.readyState') !== 'complete'
      || await evaluate('location.href') === 'about:blank') await pause(50);
}

async function look({ name, width, height, scheme }) {
  await send('Emulation.setDeviceMetricsOverride',
    { width, height, deviceScaleFactor: 1, mobile: name === 'phone' });
  await send('Emulation.setEmulatedMedia',
    { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await load();
  const wide = await evaluate('document.documentElement.scrollWidth - innerWidth');
  check(wide <= 0, `${name}: nothing is beyond the edge of the screen`, wide);
  const shot = await send('Page.captureScreenshot', { captureBeyondViewport: name === 'phone' });
  writeFileSync(`${folder}/status-${name}.png`, Buffer.from(shot.data, 'base64'));
  await evaluate(readFileSync(axe, 'utf8'));
  const found = await evaluate(`axe.run().then(({ violations, passes }) => ({
    n: passes.length,
    violations: violations.map(({ id, help, nodes }) => [id, help, nodes.map((n) => n.html)]),
  }))`);
  check(found.n > 10 && found.violations.length === 0, `${name}: axe finds nothing`, found);
}

// What is on the screen stays where it is when the page is refreshed.
async function refresh() {
  await send('Emulation.setDeviceMetricsOverride',
    { width: 390, height: 400, deviceScaleFactor: 1, mobile: true });
  await load();
  await evaluate(`document.querySelector('section').focus({ preventScroll: true });
    scrollTo(0, 300); window.isSamePage = true`);
  const time = "document.querySelector('#time time').textContent";
  const before = await evaluate(time);
  for (let n = 0; n < 1200 && await evaluate(time) === before; n++) await pause(50);
  check(await evaluate(time) !== before, 'the page refreshes itself', before);
  const place = await evaluate(
    "[window.isSamePage, scrollY, document.activeElement.tagName, location.href]");
  check(JSON.stringify(place) === JSON.stringify([true, 300, 'SECTION', url]),
    'without losing the place', place);
}

// A gateway that does not answer: the page says how old it is, and what it shows stays.
async function loseGateway() {
  const offline = (is) => send('Network.emulateNetworkConditions',
    { offline: is, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  const stale = "document.getElementById('stale').textContent";
  await send('Network.enable');
  await offline(true);
  for (let n = 0; n < 1200 && await evaluate(stale) === ''; n++) await pause(50);
  const text = await evaluate(stale);
  check(/^This is as it was at .*: the gateway does not answer\.$/.test(text),
    'a gateway that does not answer: the page says so', text);
  check(await evaluate("document.querySelectorAll('tbody tr').length") >= 3, 'and stays');
  await offline(false);
  for (let n = 0; n < 1200 && await evaluate(stale) !== ''; n++) await pause(50);
  check(await evaluate(stale) === '', 'it answers again: the page goes on');
  complaints.splice(0);
}

async function main() {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const attached = await send('Target.attachToTarget', { targetId, flatten: true });
  session = attached.sessionId;
  await Promise.all(['Page.enable', 'Runtime.enable', 'Log.enable'].map((method) => send(method)));
  for (const one of looks) await look(one);
  await refresh();
  const others = complaints.filter((line) => !line.includes('favicon.ico'));
  check(others.length === 0, 'its policy lets its own style and script through', others);
  await loseGateway();
  await send('Emulation.setScriptExecutionDisabled', { value: true });
  await load();
  const shown = await evaluate(
    "document.querySelectorAll('noscript meta').length + document.querySelectorAll('tbody tr').length");
  check(shown >= 4, 'all is there without a script', shown);
}

main().catch((error) => {
  check(false, 'Chromium looks at the page', error.message);
}).finally(() => browser.kill());
