// The browser of the tests that look at pages (Debian's Chromium, or XINKE_CHROMIUM), and what they measure in it.

export const LAUNCH = {
  executablePath: process.env.XINKE_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
};

/** What is measured on a page, by the browser's own layout. */
export const measure = (page) => page.evaluate(() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\)$|transparent/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = [...document.body.querySelectorAll('*')].filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const contrasts = texts.map((one) => {
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
  const sizes = texts.map((one) => parseFloat(getComputedStyle(one).fontSize));
  const targets = [...document.querySelectorAll('a, button, label.pick, input[type=text], input[type=search], textarea')].map((one) => one.getBoundingClientRect());
  return {
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    body: parseFloat(getComputedStyle(document.body).fontSize),
    smallest: Math.min(...sizes),
    contrast: Math.min(...contrasts),
    height: Math.min(...targets.map(({ height }) => height)),
    width: Math.min(...targets.map(({ width }) => width)),
    unlabelled: [...document.querySelectorAll('input:not([type=hidden]), textarea')].filter((one) => one.labels.length === 0).length,
    lang: document.documentElement.lang,
    headings: document.querySelectorAll('h1').length,
  };
});
