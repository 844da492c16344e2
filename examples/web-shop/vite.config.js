// RELEASE names the folder of releases/ that is built.
const { RELEASE = '41-serving', OFFLINE = '' } = process.env;

export default {
  root: import.meta.dirname,
  resolve: { alias: { '@release': `${import.meta.dirname}/releases/${RELEASE}` } },
  define: {
    'import.meta.env.VITE_RELEASE': JSON.stringify(RELEASE),
    'import.meta.env.VITE_OFFLINE': `${OFFLINE !== ''}`,
  },
  logLevel: 'warn',
  build: {
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: ['index.html', 'cart/index.html', 'src/sw.js'].map((file) => `${import.meta.dirname}/${file}`),
      // A service worker is found under the same name in each release.
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
};
