const functions = ({ anyFunction }: { anyFunction: string }) => [anyFunction];

/** By which its owner's infrastructure says that a service's rollouts may touch a function (any service, but some service). */
const OWNED = { Null: { 'aws:ResourceTag/spillway:service': 'false' } };

/** By which its owner says that nobody else deploys its code. */
const REPLACEABLE = {
  ...OWNED,
  StringEquals: { 'aws:ResourceTag/spillway:mode': ['zip', 'image'] },
};

/** What may be done to the users' functions, by purpose. */
export const rights = {
  // GetFunction answers with tags only if ListTags is allowed too (its API reference).
  'read aliases': { actions: ['lambda:GetAlias'], on: functions, when: OWNED },
  'move aliases': { actions: ['lambda:UpdateAlias'], on: functions, when: OWNED },
  // Lambda knows no resource narrower than the function for these, so the code alone keeps to its own alias (`targets/lambda-alias/pin.ts`).
  'pin versions': { actions: ['lambda:CreateAlias'], on: functions, when: OWNED },
  'unpin versions': { actions: ['lambda:DeleteAlias'], on: functions, when: OWNED },
  'read functions': { actions: ['lambda:GetFunction', 'lambda:ListTags'], on: functions, when: OWNED },
  'read event settings': {
    actions: [
      'lambda:ListProvisionedConcurrencyConfigs',
      'lambda:ListFunctionUrlConfigs',
      'lambda:GetPolicy',
    ],
    on: functions,
    when: OWNED,
  },
  'list event sources': {
    actions: ['lambda:ListEventSourceMappings'],
    everywhere: 'the action supports no resource',
  },
  'invoke functions': { actions: ['lambda:InvokeFunction'], on: functions, when: OWNED },
  'wait for versions': { actions: ['lambda:GetFunctionConfiguration'], on: functions, when: OWNED },
  'replace code': { actions: ['lambda:UpdateFunctionCode'], on: functions, when: REPLACEABLE },
  'publish versions': { actions: ['lambda:PublishVersion'], on: functions, when: REPLACEABLE },
};

/** Which function of the controller, or which service that acts for it, may do what of it. */
export const grants = {
  'states.amazonaws.com': ['read aliases', 'move aliases'],
  Decide: ['read aliases'],
  PublishRelease: ['read functions', 'wait for versions', 'replace code', 'publish versions'],
  ShiftTraffic: ['read aliases', 'move aliases'],
  Measure: ['read aliases', 'invoke functions', 'read functions'],
  PromoteCanary: ['read aliases', 'move aliases', 'pin versions'],
  CloseRollout: ['read aliases', 'move aliases', 'unpin versions'],
  RevertTraffic: ['read aliases', 'move aliases', 'read functions', 'unpin versions'],
  OpenRollout: [
    'read functions',
    'read event settings',
    'list event sources',
    'read aliases',
    'move aliases',
    'pin versions',
  ],
  Abort: ['read aliases', 'move aliases', 'read functions'],
  Command: ['read aliases', 'move aliases', 'read functions'],
  Watchdog: ['read aliases', 'move aliases', 'read functions', 'pin versions', 'unpin versions'],
} satisfies Record<string, (keyof typeof rights)[]>;
