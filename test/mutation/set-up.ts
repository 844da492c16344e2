import fc from 'fast-check';

// One seed gives one score. To find the smallest example of what fails is of no use where anything that fails is enough.
fc.configureGlobal({ seed: 5, endOnFailure: true });
process.env.MUTATION = '1';
