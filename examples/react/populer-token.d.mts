/** A page token: this server's word for one view of a page that it makes now. `key` is the site's page key. */
export function pageToken(item: string, key: string): string;
