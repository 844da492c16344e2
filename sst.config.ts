/// <reference path="./.sst/platform/config.d.ts" />

// SST takes the configuration by its default export, and allows no import before it knows the app.
export default $config({
  app({ stage }) {
    const isProduction = stage === 'production';
    return {
      name: 'spillway',
      home: 'aws',
      version: '4.17.1',
      removal: isProduction ? 'retain' : 'remove',
      protect: isProduction,
      providers: {
        aws: {
          version: '7.20.0',
          defaultTags: { tags: { 'spillway:part': 'controller', 'spillway:environment': stage } },
        },
      },
    };
  },
  async run() {
    const { controller } = await import('./infra/controller.ts');
    return controller();
  },
});
