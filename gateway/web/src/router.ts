// Addresses of the screens. History routing: the gateway answers index.html where a path is none of its own.

import { createRouter, createWebHistory } from 'vue-router';

import Home from './views/Home.vue';

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: '/', name: 'home', component: Home },
    { path: '/items', name: 'items', component: () => import('./views/Items.vue') },
    { path: '/items/:code', name: 'item', component: () => import('./views/Item.vue'), props: true },
    { path: '/register/:code', name: 'register', component: () => import('./views/Register.vue'), props: true },
    { path: '/record/:code', name: 'record', component: () => import('./views/ShortRecord.vue'), props: true },
    { path: '/cases', name: 'cases', component: () => import('./views/Cases.vue') },
    { path: '/cases/:id', name: 'case', component: () => import('./views/Case.vue'), props: true },
    { path: '/cases/:id/act/:type', name: 'act', component: () => import('./views/Act.vue'), props: true },
    { path: '/cases/:id/mend/:event', name: 'mend', component: () => import('./views/Mend.vue'), props: true },
    { path: '/registers', name: 'registers', component: () => import('./views/Registers.vue') },
    { path: '/registers/:register/new', name: 'entry-new', component: () => import('./views/EntryNew.vue'), props: true },
    { path: '/registers/:register/:id', name: 'entry', component: () => import('./views/Entry.vue'), props: true },
    { path: '/sync', name: 'sync', component: () => import('./views/Road.vue') },
    { path: '/reports', name: 'reports', component: () => import('./views/Reports.vue') },
    { path: '/staff', name: 'staff', component: () => import('./views/Staff.vue') },
    { path: '/phones', name: 'phones', component: () => import('./views/Phones.vue') },
    { path: '/more', name: 'more', component: () => import('./views/More.vue') },
    { path: '/settings', name: 'settings', component: () => import('./views/Settings.vue') },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
});
