/** Compares versions part by part; true where `a` is lower. */
export function lower(a: string, b: string): boolean {
  const [x, y] = [a, b].map((one) => one.split('.').map(Number));
  for (let i = 0; i < 3; i += 1) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (x[i] ?? 0) < (y[i] ?? 0);
  return false;
}
