/// <reference path="../../.sst/platform/config.d.ts" />

// An app of a user who has installed the package "spillway"; a test deploys it, from a copy outside of this tree, without an account.
export default $config({
  app: () => ({ name: 'shop', home: 'aws', removal: 'remove' }),
  async run() {
    const { shop } = await import('./shop.ts');
    return shop();
  },
});
