// The enciphering of what waits on a phone. The box gives each staff member on each approved phone one key of 32 bytes, the
// same at every sign-in; here it lies only wrapped by the PIN. No DOM and no storage: tested in Node.

/** OWASP's figure for PBKDF2-HMAC-SHA256. */
export const ITERATIONS = 600_000;
/** Wrong PINs after which the wrapped key is thrown away and only a sign-in at the box gives it again. */
export const TRIES = 5;

export interface Wrapped { salt: Uint8Array<ArrayBuffer>; iterations: number; iv: Uint8Array<ArrayBuffer>; data: ArrayBuffer }
export interface Sealed { iv: Uint8Array<ArrayBuffer>; data: ArrayBuffer }

const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));
const bytes = (text: string) => new TextEncoder().encode(text);

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

/** A key for `seal` and `open`; it cannot be read out again. */
export function importKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

async function fromPin(pin: string, salt: Uint8Array<ArrayBuffer>, iterations: number) {
  const base = await crypto.subtle.importKey('raw', bytes(pin), 'PBKDF2', false, ['deriveKey']);
  return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, base, { name: 'AES-GCM', length: 256 }, false,
    ['encrypt', 'decrypt']);
}

export async function wrap(raw: Uint8Array<ArrayBuffer>, pin: string, iterations = ITERATIONS): Promise<Wrapped> {
  const salt = random(16);
  const iv = random(12);
  const key = await fromPin(pin, salt, iterations);
  return { salt, iterations, iv, data: await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, raw) };
}

/** The key's bytes, or null where the PIN is wrong. */
export async function unwrap(wrapped: Wrapped, pin: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const key = await fromPin(pin, wrapped.salt, wrapped.iterations);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: wrapped.iv }, key, wrapped.data));
  } catch {
    return null;
  }
}

/** Enciphers for one place: `label` (owner and record) is bound in, so that a record does not open under another's name. */
export async function seal(key: CryptoKey, label: string, plain: Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<Sealed> {
  const iv = random(12);
  return { iv, data: await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: bytes(label) }, key, plain) };
}

/** What OPENING gives, or null where the key is another's: a phone that was revoked and approved anew has another than before. */
export async function orNull<T>(opening: Promise<T>): Promise<T | null> {
  try {
    return await opening;
  } catch (e) {
    if (e instanceof DOMException && e.name === 'OperationError') return null;
    throw e;
  }
}

/** Throws where the key or the label is another's. */
export function open(key: CryptoKey, label: string, sealed: Sealed): Promise<ArrayBuffer> {
  return crypto.subtle.decrypt({ name: 'AES-GCM', iv: sealed.iv, additionalData: bytes(label) }, key, sealed.data);
}

export async function sealJson(key: CryptoKey, label: string, value: unknown): Promise<Sealed> {
  return seal(key, label, bytes(JSON.stringify(value)));
}

export async function openJson<T>(key: CryptoKey, label: string, sealed: Sealed): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await open(key, label, sealed))) as T;
}

export async function sha256(data: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return [...digest].map((one) => one.toString(16).padStart(2, '0')).join('');
}
