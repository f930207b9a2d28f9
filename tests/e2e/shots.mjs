// Pictures of every screen at 360x800 in Chinese, to be looked at.
//
//   make shots        or: XINKE_BIN=build XINKE_WEB=build/web node tests/e2e/shots.mjs DIR [large]

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { appBox, go, openPhone } from './app.mjs';
import { furnish, leadPhone, screens } from './screens.mjs';

const [dir = 'build/shots', way = ''] = process.argv.slice(2);
mkdirSync(dir, { recursive: true });
const box = await appBox();
const phone = await openPhone(box);
try {
  await phone.page.screenshot({ path: join(dir, '00-sign-in.png') });
  const made = await furnish(box);
  await leadPhone(phone);
  if (way === 'large') {
    await go(phone.page, '/settings');
    await phone.page.getByLabel('大字模式').check();
  }
  for (const [name, show] of screens(made)) {
    await show(phone.page, phone);
    await phone.page.evaluate(() => scrollTo(0, 0));
    await phone.page.screenshot({ path: join(dir, `${name}.png`) });
    await phone.page.screenshot({ path: join(dir, `${name}-whole.png`), fullPage: true });
  }
  if (phone.complaints.length) throw new Error(phone.complaints.join('\n'));
  console.log(`shots: ${screens(made).length + 1} screens in ${dir}`);
} finally {
  await phone.close();
  await box.close();
}
