// New versions of the app: offered, and taken when the clerk says so; never while a form is open.

import { reactive } from 'vue';
import { registerSW } from 'virtual:pwa-register';

import { onAnswer } from '@/api/client';

import { lower } from './version';

export const update = reactive({ offered: false, outdated: false, formsOpen: 0 });
let take: ((reload?: boolean) => Promise<void>) | null = null;
let registration: ServiceWorkerRegistration | undefined;

export const takeUpdate = () => take?.(true);
/** Asks the box for a newer one. */
export const lookForUpdate = () => registration?.update();

// The box says which app it needs at least, with every answer.
onAnswer((response) => {
  const least = response.headers.get('Xinke-Client-Min');
  if (least) update.outdated = lower(__APP_VERSION__, least);
});

export function startWorker(): void {
  if (!('serviceWorker' in navigator) || !window.isSecureContext) return;
  take = registerSW({
    immediate: true,
    onNeedRefresh: () => { update.offered = true; },
    onRegisteredSW: (_url, it) => { registration = it; },
  });
}

/** A form counts itself while it is open, so that no update is offered in its way. */
export function openForm(): () => void {
  update.formsOpen += 1;
  return () => { update.formsOpen -= 1; };
}
