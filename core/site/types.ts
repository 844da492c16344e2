/** How a build names the page of a route, as the edge of the site was made for. */
export type Layout = 'dir' | 'html' | 'spa';

/** What a folder holds: files by their names in it. */
export interface FolderFile {
  name: string;
  bytes: number;
}

/** The release that a folder is uploaded as. */
export interface SiteBuild {
  release: string;
  layout: Layout;
  /** True if it was built for paths under `/_r/<release>/`, so that it shares no file with another release. */
  isApart: boolean;
}

/** What stands in a release's folder about it, and is uploaded last. */
export interface SiteList {
  schema: 1;
  release: string;
  /** Paths under the folder of the release. */
  documents: string[];
  /** Paths from the root of the bucket. */
  assets: string[];
  releaseBound: string[];
  /** Paths that its files name and the release does not have: something else must serve them. */
  elsewhere: string[];
}
