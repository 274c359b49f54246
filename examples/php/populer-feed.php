<?php

/**
 * A feed (RSS 2.0) of articles, the newest first, for `sites.feeds`: fifty are plenty, as it is asked every few minutes.
 *
 *     header('Content-Type: application/rss+xml; charset=utf-8');
 *     echo populer_feed('https://www.example.id', $articles);
 *
 * Each article: id, title, url, published_at (epoch seconds); and, where there are such, section, tags, author, image, summary.
 */
function populer_feed(string $site, array $articles): string
{
    $text = static fn(string $text): string => htmlspecialchars($text, ENT_XML1 | ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
    // Titles and summaries of RSS are HTML.
    $html = static fn(string $plain): string => $text(htmlspecialchars($plain, ENT_NOQUOTES | ENT_SUBSTITUTE, 'UTF-8'));
    $xml = '<?xml version="1.0" encoding="UTF-8"?>' . "\n"
        . '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        . "<title>{$text($site)}</title><link>{$text($site)}</link><description></description>\n";
    foreach ($articles as $article) {
        $xml .= "<item><guid isPermaLink=\"false\">{$text((string) $article['id'])}</guid><title>{$html($article['title'])}</title>"
            . "<link>{$text($article['url'])}</link><pubDate>" . gmdate('r', (int) $article['published_at']) . '</pubDate>';
        // The first category is the section.
        foreach (array_filter([$article['section'] ?? '', ...array_values($article['tags'] ?? [])]) as $category) {
            $xml .= "<category>{$text($category)}</category>";
        }
        $xml .= isset($article['author']) ? "<dc:creator>{$text($article['author'])}</dc:creator>" : '';
        $xml .= isset($article['image']) ? "<media:content medium=\"image\" url=\"{$text($article['image'])}\"/>" : '';
        $xml .= isset($article['summary']) ? "<description>{$html($article['summary'])}</description>" : '';
        $xml .= "</item>\n";
    }
    return $xml . '</channel></rss>';
}
