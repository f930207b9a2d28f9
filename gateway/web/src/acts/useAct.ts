// Sending an act: the key is made when the button is pressed and stays the same until the box has refused it, so that a second
// press after a lost answer does nothing twice.

import { ref } from 'vue';

import { asProblem, newKey, type Problem } from '@/api/client';

export function useAct() {
  const busy = ref(false);
  const problem = ref<Problem | null>(null);
  let key: string | null = null;

  /** Calls `send` with the key; true where it was done. */
  async function run(send: (key: string) => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    problem.value = null;
    key ??= newKey();
    try {
      await send(key);
      key = null;
      return true;
    } catch (e) {
      problem.value = asProblem(e);
      if (!problem.value.passing && problem.value.status !== 401) key = null;
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, problem, run };
}
