{{-- resources/views/components/populer-list.blade.php. What the service rendered it has escaped itself. --}}
<populer-list list="{{ $list }}" limit="{{ $limit }}"
    @if ($section !== '') section="{{ $section }}" @endif
    @if ($site !== '') site="{{ $site }}" @endif
    @if ($theme !== '') theme="{{ $theme }}" @endif
    @if ($heading !== '') heading="{{ $heading }}" @endif
    @if ($live) live @endif
>{!! $fragment !!}</populer-list>
