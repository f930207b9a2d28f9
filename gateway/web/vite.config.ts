// How the phone app is built. The outcome goes to OUT (build/web of the tree) with hashed names under assets/; afterwards
// build/pack.mjs compresses it and writes files.json, by which the gateway serves it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import vue from '@vitejs/plugin-vue';
import { VitePWA } from 'vite-plugin-pwa';
import { defineConfig } from 'vitest/config';

import { bodies } from './build/bodies';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here('package.json'), 'utf8')) as { version: string };

export default defineConfig({
  resolve: { alias: { '@': here('src') } },
  define: {
    __APP_VERSION__: JSON.stringify(version),
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    outDir: process.env.OUT ?? here('../../build/web'),
    emptyOutDir: true,
    target: ['chrome87', 'safari14'], // cheap phones keep an old browser
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy takes no data: script or style
  },
  plugins: [
    vue(),
    bodies(here('../../schema/events')),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src',
      filename: 'sw.ts',
      registerType: 'prompt', // a form in use is never reloaded
      injectRegister: false,
      manifest: {
        name: '信客 · 便民服务站',
        short_name: '信客',
        description: '村（社区）便民服务站受理终端',
        lang: 'zh-CN',
        start_url: '/',
        scope: '/',
        display: 'standalone',
        background_color: '#f3f6f8',
        theme_color: '#0b5c8f',
        icons: [
          { src: '/icon.svg', sizes: 'any', type: 'image/svg+xml' },
          { src: '/icon-192.png', sizes: '192x192', type: 'image/png' },
          { src: '/icon-512.png', sizes: '512x512', type: 'image/png', purpose: 'any maskable' },
        ],
      },
      injectManifest: { globPatterns: ['**/*.{js,css,html,svg,png,webmanifest}'], rollupFormat: 'iife' },
    }),
  ],
  test: { include: ['tests/**/*.test.ts'], environment: 'node', setupFiles: ['tests/setup.ts'] },
});
