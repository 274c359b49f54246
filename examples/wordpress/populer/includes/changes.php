<?php
// What changes an article: it is marked at once, and sent when the request is over, so that no editor waits for it.

if (!defined('ABSPATH')) {
    exit;
}

/** A post was saved, with its terms and its image. */
function populer_saved(int $id, WP_Post $post, bool $update = false, ?WP_Post $before = null): void
{
    if (!populer_is_listed($post) && !populer_is_listed($before)) {
        return;
    }
    if (!populer_is_listed($before) && get_post_meta($id, POPULER_TOLD, true) === '') {
        update_post_meta($id, POPULER_TOLD, POPULER_DOWN);  // it is published anew, so a take-down is over
    }
    populer_mark($id);
}

/** A post is deleted for good. One that was in the trash has been taken down then, unless that still waits. */
function populer_deleted(int $id, WP_Post $post): void
{
    $told = (string) get_post_meta($id, POPULER_TOLD, true);
    if (populer_is_listed($post) || ($told !== '' && $told !== POPULER_DOWN)) {
        populer_mark_gone($id);
    }
}

/** A post has other sections or tags. */
function populer_terms_set(int $id): void
{
    if (populer_is_listed(get_post($id))) {
        populer_mark($id);
    }
}

/** A section or tag has another name or slug: its posts, and those of what is below it, have changed. */
function populer_term_changed(int $term, int $term_taxonomy, string $taxonomy): void
{
    $of = array_intersect(populer_post_types(), get_taxonomy($taxonomy)->object_type ?? []);
    if (!$of) {
        return;
    }
    $ids = [$term_taxonomy];
    $children = is_taxonomy_hierarchical($taxonomy) ? get_term_children($term, $taxonomy) : [];
    foreach (is_array($children) ? $children : [] as $child) {
        $ids[] = get_term($child, $taxonomy)->term_taxonomy_id;
    }
    populer_mark_all($ids);
}

/** Sections have another parent, as theirs was deleted: the addresses of their posts may have changed. */
function populer_terms_moved($term_taxonomies): void
{
    foreach ((array) $term_taxonomies as $id) {
        $term = get_term_by('term_taxonomy_id', (int) $id);
        if ($term instanceof WP_Term) {
            populer_term_changed($term->term_id, $term->term_taxonomy_id, $term->taxonomy);
        }
    }
}

/** A post has another image, or none. */
function populer_image_set($meta, int $id, string $key): void
{
    if ($key === '_thumbnail_id' && populer_is_listed(get_post($id))) {
        populer_mark($id);
    }
}
