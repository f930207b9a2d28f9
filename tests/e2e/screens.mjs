// Every screen of the app with something to see on it: for axe, for the sizes, for the pictures.

import { random, registration } from '../lib/people.mjs';
import { items } from '../integration/gateway_box.mjs';
import { approve, button, fill, go, photoFile, typePerson } from './app.mjs';

const SPOT = { decision: { result: 'granted' }, completion: { result_code: 6 } };
const PAST = 40 * 86_400_000;
const pick = (offer, record = 'application') => items('village', offer).find((one) => one.record === record);
export const TAKEN = items('village', 'accept').find(({ record, guide }) => record === 'application' && guide?.materials?.length > 1);

/** Cases, entries and a photo, as after some days of work. */
export async function furnish(box) {
  const rng = random(360);
  const clerk = await box.signIn('clerk');
  const post = (body) => clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 }).then(({ body: made }) => made);
  const late = { received_at: new Date(Date.now() - PAST).toISOString(), received_reason: '停电期间纸质登记' };
  const made = {
    forwarded: await post(registration(TAKEN, rng)),
    spot: await post({ ...registration(pick('handle'), rng), on_the_spot: SPOT }),
    overdue: await post({ ...registration(pick('handle'), rng), ...late }),
    fresh: await post(registration(pick('handle'), rng)),
  };
  const ours = [...items('village', 'accept'), ...items('village', 'handle')].filter(({ record }) => record === 'application');
  for (let i = 0; i < 5; i += 1) await post(registration(ours[(i * 3) % ours.length], rng));
  await clerk.call('POST', '/api/v1/registers/inquiry', { key: rng.uuid(), body: { entry: { channel: 'visit', matter: '怎样办理城乡居民养老保险参保', name: '阿依古丽·买买提' } }, expect: 201 });
  const { body: entry } = await clerk.call('POST', '/api/v1/registers/stuck', { key: rng.uuid(), body: { entry: { class: 'material', matter: '户口簿遗失，补办期间办不成低保申请' } }, expect: 201 });
  return { ...made, entry };
}

const wait = (page, text) => page.getByText(text).first().waitFor();

/** [name, what to do on the phone] in the order of a walk; each ends on a screen that is all there. */
export function screens(made) {
  const handle = pick('handle');
  const away = items('village', null)[0];
  return [
    ['01-home', async (page) => { await go(page, '/'); await wait(page, '已超期'); await page.locator('.row').first().waitFor(); }],
    ['02-items', async (page) => { await go(page, '/items'); await page.locator('.row').first().waitFor(); }],
    ['03-items-search', async (page) => { await page.getByRole('searchbox').fill('zdsh'); await page.waitForTimeout(600); await wait(page, '最低生活保障'); }],
    ['04-guide', async (page) => { await go(page, `/items/${TAKEN.code}`); await wait(page, '办事指南'); }],
    ['05-not-offered', async (page) => { await go(page, `/items/${away.code}`); await wait(page, '请到'); }],
    ['06-register-notice', async (page) => { await go(page, `/register/${TAKEN.code}`); await page.getByLabel('已向申请人说明并取得同意').waitFor(); }],
    ['07-register-person', async (page) => { await page.getByLabel('已向申请人说明并取得同意').check(); await page.getByLabel('姓名 / 单位名称').waitFor(); }],
    ['08-register-wrong', async (page) => { await fill(page, '证件号码', '652323198506151238'); await fill(page, '姓名 / 单位名称', '阿依古丽·买买提'); await button(page, '下一步').click(); await wait(page, '格式不对'); }],
    ['09-register-materials', async (page) => {
      await go(page, '/items');
      await go(page, `/register/${TAKEN.code}`);
      await typePerson(page, registration(TAKEN, random(7)).applicant);
      await page.locator('input[type=file]').first().setInputFiles(await photoFile(page));
      await page.locator('.thumbs img').first().waitFor();
    }],
    ['10-register-check', async (page) => { await button(page, '下一步').click(); await wait(page, '提交'); }],
    ['11-receipt', async (page) => { await button(page, '提交').click(); await wait(page, '已登记'); }],
    ['12-service', async (page) => { await go(page, `/record/${pick('handle', 'service').code}`); await page.locator('form').waitFor(); }],
    ['13-mediation', async (page) => { await go(page, `/record/${pick('handle', 'mediation').code}`); await page.locator('form').waitFor(); }],
    ['14-cases', async (page) => { await go(page, '/cases'); await page.locator('.row').first().waitFor(); }],
    ['15-case', async (page) => { await go(page, `/cases/${made.fresh.id}`); await wait(page, '经过'); }],
    ['16-case-overdue', async (page) => { await go(page, `/cases/${made.overdue.id}`); await wait(page, '经过'); }],
    ['17-act-notice', async (page) => { await go(page, `/cases/${made.fresh.id}/act/supplement_notice`); await page.locator('form').waitFor(); }],
    ['18-act-wrong', async (page) => { await go(page, `/cases/${made.fresh.id}/act/withdraw`); await page.locator('form').waitFor(); await button(page, '提交').click(); await wait(page, '请填写'); }],
    ['19-registers', async (page) => { await go(page, '/registers'); await page.locator('.row').first().waitFor(); }],
    ['20-entry-new', async (page) => { await go(page, '/registers/inquiry/new'); await page.locator('form').waitFor(); }],
    ['21-entry', async (page) => { await go(page, `/registers/stuck/${made.entry.id}`); await wait(page, '经过'); }],
    ['22-sync', async (page) => { await go(page, '/sync'); await wait(page, '马上送'); await wait(page, '照片空间'); }],
    ['23-reports', async (page) => { await go(page, '/reports'); await page.locator('.chart canvas').waitFor(); }],
    ['24-staff', async (page) => { await go(page, '/staff'); await page.locator('.row').first().waitFor(); }],
    ['25-phones', async (page) => { await go(page, '/phones'); await page.locator('.row').first().waitFor(); }],
    ['26-more', async (page) => { await go(page, '/more'); await wait(page, '退出登录'); }],
    ['27-settings', async (page) => { await go(page, '/settings'); await wait(page, '大字模式'); }],
    ['28-spot', async (page) => { await go(page, `/register/${handle.code}?spot=1`); await typePerson2(page, handle); await wait(page, '当场办结'); }],
    ['29-offline', async (page, phone) => { await go(page, '/'); await phone.context.setOffline(true); await go(page, '/cases'); await wait(page, '连接不到盒子'); }],
    ['30-provisional', async (page) => {
      await go(page, `/register/${TAKEN.code}`);
      await typePerson(page, registration(TAKEN, random(8)).applicant);
      await button(page, '下一步').click();
      await button(page, '提交').click();
      await wait(page, '临时凭条');
    }],
    ['31-sync-waiting', async (page) => { await go(page, '/sync'); await page.locator('[data-test=job]').waitFor(); }],
  ];
}

const typePerson2 = (page, item) => typePerson(page, registration(item, random(9)).applicant);

/** A lead's phone, approved, with its PIN. */
export async function leadPhone(phone, name = '站长的手机') {
  await approve(phone, 'lead', name);
  return phone;
}
