// New versions of the app: offered, and taken when the clerk says so; never while a form is open.

import { reactive } from 'vue';
import { registerSW } from 'virtual:pwa-register';

import { api, done, Problem } from '@/api/client';

import { lower } from './version';

export const update = reactive({ offered: false, outdated: false, formsOpen: 0, noWorker: false, setup: null as string | null });
let take: ((reload?: boolean) => Promise<void>) | null = null;
let registration: ServiceWorkerRegistration | undefined;

/** Lets the new worker take over, and loads the app anew once it has: also on the first visit, which had no worker before. */
export function takeUpdate(): void {
  if (!registration?.waiting) {
    location.reload(); // told that it is too old, and no newer one has come yet
    return;
  }
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
  void take?.(true);
}

/** Asks the box for a newer one. */
export const lookForUpdate = () => registration?.update();

/** Asks the box which app it still understands: at the start and whenever the app comes into sight. */
export async function askVersion(): Promise<void> {
  try {
    const { app_min, setup } = await done(api.GET('/api/v1/version'));
    Object.assign(update, { outdated: lower(__APP_VERSION__, app_min), setup: setup ?? null });
  } catch (e) {
    if (!(e instanceof Problem)) throw e; // the box is away, or so old that it does not say
  }
}

export function startWorker(): void {
  void askVersion();
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') void askVersion(); });
  if (!('serviceWorker' in navigator) || !window.isSecureContext) return;
  take = registerSW({
    immediate: true,
    onNeedRefresh: () => { update.offered = true; },
    onRegisteredSW: (_url, it) => { registration = it; },
    // a certificate that was only clicked through: the app works, and does not open without the box
    onRegisterError: () => { update.noWorker = true; },
  });
}

/** A form counts itself while it is open, so that no update is offered in its way. */
export function openForm(): () => void {
  update.formsOpen += 1;
  return () => { update.formsOpen -= 1; };
}
