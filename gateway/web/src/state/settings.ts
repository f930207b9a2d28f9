// What this phone likes: language and large type. Kept in localStorage, which knows nothing of people.

import { reactive, watch } from 'vue';

import { setLanguage } from '@/i18n';

interface Settings { language: string; large: boolean }

function read(): Settings {
  const asked = new URLSearchParams(location.search).get('lang');
  try {
    const kept = JSON.parse(localStorage.getItem('xinke.settings') ?? '{}') as Partial<Settings>;
    return { language: asked ?? kept.language ?? 'zh', large: kept.large ?? false };
  } catch {
    return { language: asked ?? 'zh', large: false };
  }
}

export const settings = reactive(read());

/** Applies them now and at every change. */
export async function useSettings(): Promise<void> {
  const apply = () => {
    document.documentElement.classList.toggle('large', settings.large);
    return setLanguage(settings.language);
  };
  watch(settings, () => {
    localStorage.setItem('xinke.settings', JSON.stringify(settings));
    void apply();
  });
  await apply();
}
