/// <reference path="../../../../.sst/platform/config.d.ts" />

// A user's app, which has installed the package; the test copies it out of this tree.
export default $config({
  app: () => ({ name: 'shop', home: 'aws', removal: 'remove' }),
  async run() {
    const { shop } = await import('./shop.ts');
    return shop();
  },
});
