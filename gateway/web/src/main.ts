// Starts the app: settings before the first picture, then who is there, then the screens.

import { createApp } from 'vue';

import App from './App.vue';
import { i18n } from './i18n';
import { router } from './router';
import { refresh, startSending } from './state/outbox';
import { begin } from './state/session';
import { useSettings } from './state/settings';
import { startWorker } from './state/update';
import './styles.css';

async function start() {
  await useSettings();
  await begin();
  await refresh();
  createApp(App).use(i18n).use(router).mount('#app');
  startSending();
  startWorker();
}

void start();
