declare const __APP_VERSION__: string;
declare module 'virtual:bodies' {
  const table: Record<string, import('../build/bodies').Body>;
  export default table;
}
